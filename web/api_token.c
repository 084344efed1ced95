/* /api/v1/tokens: who gets in. Never a secret, nor its hash. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/list.h"
#include "web/order.h"

#include <string.h>

static const char *const token_kinds[] = {"token", "link", NULL};
static const char *const token_roles[] = {"viewer", "operator", "admin", NULL};
static const char *const token_sorts[] = {"id", NULL};

static const struct param token_params[] = {
    {"id", PARAM_TEXTS, offsetof(struct store_token_filter, public_ids), NULL},
    {"kind", PARAM_CHOICES, offsetof(struct store_token_filter, kinds), token_kinds},
    {"name", PARAM_TEXTS, offsetof(struct store_token_filter, names), NULL},
    {"role", PARAM_CHOICES, offsetof(struct store_token_filter, roles), token_roles},
    {"with_ended", PARAM_FLAG, offsetof(struct store_token_filter, with_ended), NULL},
};

static const struct param_table token_table = {
    .resource = "tokens",
    .params = token_params,
    .param_count = sizeof(token_params) / sizeof(*token_params),
    .page_offset = offsetof(struct store_token_filter, page),
    .sorts = token_sorts,
    .sort = STORE_TOKEN_BY_ID,
    .is_descending = true,
};

/* Parted by blanks or by line feeds. */
static void token_put_parts(struct json_writer *writer, const char *name, const char *text, char separator)
{
    char part[256];

    json_open_array(writer, name);
    while (*text != '\0') {
        const char *end = strchr(text, separator);
        size_t length = end == NULL ? strlen(text) : (size_t)(end - text);
        if (length > 0 && length < sizeof(part)) {
            memcpy(part, text, length);
            part[length] = '\0';
            json_put_text(writer, NULL, part);
        }
        text += length + (end == NULL ? 0 : 1);
    }
    json_close_array(writer);
}

static int token_row(void *context, const struct store_read_token *token)
{
    struct list *list = context;
    struct json_writer *writer = &list->writer;

    if (!list_takes(list, token->sort_key, token->id)) {
        return 0;
    }
    json_open_object(writer, NULL);
    json_put_text(writer, "id", token->public_id);
    json_put_text(writer, "kind", token->kind);
    json_put_text(writer, "name", token->name);
    json_put_text(writer, "role", token->role);
    token_put_parts(writer, "scopes", token->scopes, ' ');
    token_put_parts(writer, "realms", token->realms, '\n');
    token_put_parts(writer, "tags", token->tags, '\n');
    json_put_time(writer, "created_at", token->created_at);
    json_put_text(writer, "created_by", token->created_by);
    json_put_time(writer, "expires_at", token->expires_at);
    json_put_time(writer, "last_used_at", token->last_used_at);
    json_put_time(writer, "taken_at", token->taken_at);
    json_put_time(writer, "revoked_at", token->revoked_at);
    json_put_text_or_null(writer, "revoked_by", token->revoked_by);
    json_close_object(writer);
    return 0;
}

void api_tokens(struct exchange *exchange)
{
    struct store_token_filter filter = {0};
    struct params params;
    struct list list;

    if (params_parse(&token_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&list, exchange, &params);
        list_close(&list, store_read_tokens(exchange->reader, &filter, token_row, &list));
    }
}

/* ---- create, revoke ---- */

enum { TOKEN_NAME_MAX = 100, TOKEN_LIMIT_MAX = 100, TOKEN_END_MAX = 40 };

static const char *const token_scopes[] = {"read", "metrics", "tokens", "audit-log", "write"};

static bool token_refuse(struct exchange *exchange, const char *what)
{
    problem_set(&exchange->problem, 403, "\"%s\" has not the scope %.40s, and gives nobody more than it has.",
                exchange->principal.name, what);
    problem_point(&exchange->problem, "body", "scopes", "has %.40s, which the token that asks has not", what);
    return false;
}

/* Those that are asked for must be its own; without any it gives of its own what the role can have. */
static bool token_narrow(struct exchange *exchange, json_t *request)
{
    const char *role_text = json_string_value(json_object_get(request, "role"));
    const json_t *asked = json_object_get(request, "scopes");
    enum role role = ROLE_VIEWER;
    json_t *own = json_array();
    size_t index;
    json_t *item;

    if (role_text != NULL && role_parse(role_text, &role) != 0) {
        role = ROLE_VIEWER;
    }
    json_array_foreach(asked, index, item)
    {
        enum scope scope;
        if (scope_parse(json_string_value(item), &scope) == 0 && (exchange->principal.scopes & (unsigned)scope) == 0) {
            json_decref(own);
            return token_refuse(exchange, json_string_value(item));
        }
    }
    for (size_t i = 0; i < sizeof(token_scopes) / sizeof(*token_scopes) && json_array_size(asked) == 0; i++) {
        enum scope scope;
        if (scope_parse(token_scopes[i], &scope) == 0 &&
            (exchange->principal.scopes & role_scopes(role) & (unsigned)scope) != 0) {
            json_array_append_new(own, json_string(token_scopes[i]));
        }
    }
    if (json_array_size(own) > 0) {
        json_object_set(request, "scopes", own);
    } else if (json_array_size(asked) == 0) {
        (void)token_refuse(exchange, "read");
    }
    json_decref(own);
    return exchange->problem.status == 0;
}

void api_token_create(struct exchange *exchange)
{
    static const struct content_member members[] = {
        {"name", CONTENT_TEXT, true, TOKEN_NAME_MAX, NULL},
        {"role", CONTENT_CHOICE, false, 0, token_roles},
        {"scopes", CONTENT_TEXTS, false, TOKEN_LIMIT_MAX, NULL},
        {"realms", CONTENT_TEXTS, false, TOKEN_LIMIT_MAX, NULL},
        {"tags", CONTENT_TEXTS, false, TOKEN_LIMIT_MAX, NULL},
        {"expires", CONTENT_TEXT, false, TOKEN_END_MAX, NULL},
        {0},
    };
    json_t *request = content_read(exchange, members);
    json_t *answer;

    if (request == NULL || !token_narrow(exchange, request)) {
        json_decref(request);
        return;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_TOKEN));
    json_object_set_new(request, "do", json_string(CONTROL_TOKEN_CREATE));
    answer = order_send(exchange, request);
    if (answer != NULL) {
        exchange->status = 201;
        json_object_del(answer, "ok");
        order_write(exchange, answer);
    }
}

void api_token_revoke(struct exchange *exchange)
{
    static const struct content_member members[] = {{"token", CONTENT_TEXT, true, TOKEN_NAME_MAX, NULL}, {0}};
    json_t *request = content_read(exchange, members);
    json_t *answer;

    if (request == NULL) {
        return;
    }
    json_object_set_new(request, "op", json_string(CONTROL_OP_TOKEN));
    json_object_set_new(request, "do", json_string(CONTROL_TOKEN_REVOKE));
    answer = order_send(exchange, request);
    if (answer != NULL) {
        json_object_del(answer, "ok");
        order_write(exchange, answer);
    }
}
