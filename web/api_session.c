/* /api/v1/session: a browser signs in with a token, asks who it is, signs out. */
#include "web/api.h"
#include "web/exchange.h"
#include "web/json_writer.h"
#include "web/route.h"

#include <jansson.h>
#include <string.h>

static void session_put_texts(struct json_writer *writer, const char *name, const struct store_texts *texts)
{
    json_open_array(writer, name);
    for (size_t i = 0; i < texts->count; i++) {
        json_put_text(writer, NULL, texts->values[i]);
    }
    json_close_array(writer);
}

static void session_put_scopes(struct json_writer *writer, unsigned scopes)
{
    json_open_array(writer, "scopes");
    for (unsigned bit = 1; bit != 0 && bit <= scopes; bit <<= 1) {
        if ((scopes & bit) != 0) {
            json_put_text(writer, NULL, scope_name(bit));
        }
    }
    json_close_array(writer);
}

void api_session(struct exchange *exchange)
{
    const struct principal *principal = &exchange->principal;
    struct json_writer writer;

    json_writer_init(&writer, &exchange->body);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "name", principal->name);
    json_put_text(&writer, "role", role_name(principal->role));
    session_put_scopes(&writer, principal->scopes);
    session_put_texts(&writer, "realms", &principal->reach.realms);
    session_put_texts(&writer, "tags", &principal->reach.tags);
    json_put_time(&writer, "expires_at", principal->expires_at);
    json_put_text_or_null(&writer, "csrf_token", principal->csrf);
    json_close_object(&writer);
}

void api_session_begin(struct exchange *exchange)
{
    json_t *content = json_loadb(exchange->head->content, exchange->head->content_length, JSON_REJECT_DUPLICATES, NULL);
    const char *token = json_string_value(json_object_get(content, "token"));

    if (token == NULL) {
        problem_set(&exchange->problem, 400, "The content must be {\"token\": \"lstp_…\"}.");
        problem_point(&exchange->problem, "body", "token", "must be a text");
    } else if (!gate_is_same_origin(exchange->head)) {
        problem_set(&exchange->problem, 403, "The request does not come from a page of this server.");
        problem_point(&exchange->problem, "header", "Origin", "is another server's");
    } else if (gate_login(exchange->site->gate, exchange, exchange->head, token)) {
        api_session(exchange);
    }
    json_decref(content);
}

void api_session_end(struct exchange *exchange)
{
    gate_logout(exchange->site->gate, exchange, exchange->head);
    exchange->status = 204;
}
