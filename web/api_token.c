/* /api/v1/tokens: who gets in. Never a secret, nor its hash. */
#include "web/api.h"
#include "web/list.h"

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
