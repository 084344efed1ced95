#include "web/token_row.h"

#include "lib/token.h"
#include "web/exchange.h"
#include "web/recall.h"
#include "web/store_pool.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No target of a request begins so. */
#define TOKEN_ROW_KEY "token "

static const size_t token_texts[] = {
    offsetof(struct store_read_token, public_id),  offsetof(struct store_read_token, kind),
    offsetof(struct store_read_token, name),       offsetof(struct store_read_token, hash),
    offsetof(struct store_read_token, role),       offsetof(struct store_read_token, scopes),
    offsetof(struct store_read_token, realms),     offsetof(struct store_read_token, tags),
    offsetof(struct store_read_token, created_by), offsetof(struct store_read_token, revoked_by),
};

enum { TOKEN_TEXTS = sizeof(token_texts) / sizeof(*token_texts) };

static const char **token_text(struct store_read_token *token, size_t index)
{
    return (const char **)(void *)((char *)token + token_texts[index]);
}

/* The row with its texts behind it, in one piece; NULL when out of memory. */
static struct store_read_token *token_copy(const struct store_read_token *token, size_t *ret_size)
{
    struct store_read_token texts = *token;
    size_t size = sizeof(*token);
    struct store_read_token *copy;
    char *end;

    for (size_t i = 0; i < TOKEN_TEXTS; i++) {
        size += strlen(*token_text(&texts, i)) + 1;
    }
    copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *token;
    end = (char *)copy + sizeof(*copy);
    for (size_t i = 0; i < TOKEN_TEXTS; i++) {
        size_t length = strlen(*token_text(&texts, i)) + 1;
        memcpy(end, *token_text(&texts, i), length);
        *token_text(copy, i) = end;
        end += length;
    }
    *ret_size = size;
    return copy;
}

struct token_reading {
    struct recall *recall;
    const struct store_stamp *stamp;
    const char *key;
    store_read_token_fn *fn;
    void *context;
};

static int token_keep(void *context, const struct store_read_token *token)
{
    const struct token_reading *reading = context;
    size_t size = 0;
    struct store_read_token *copy = token_copy(token, &size);
    struct answer *answer = copy == NULL ? NULL : answer_create((char *)copy, size, "", false);

    if (answer != NULL) {
        recall_keep(reading->recall, reading->stamp, reading->key, answer);
    }
    answer_release(answer);
    return reading->fn(reading->context, token);
}

int token_row_read(struct exchange *exchange, const char *public_id, store_read_token_fn *fn, void *context)
{
    const struct store_token_filter filter = {.public_ids = {&public_id, 1}, .with_ended = true};
    char key[sizeof(TOKEN_ROW_KEY) + TOKEN_ID_SIZE];
    struct store_stamp stamp;
    struct token_reading reading = {exchange->site->recall, &stamp, key, fn, context};
    struct answer *answer;
    int rc;

    if (reading.recall == NULL || store_pool_stamp(exchange->site->pool, exchange->reader, &stamp) != 0) {
        return store_read_tokens(exchange->reader, &filter, fn, context);
    }
    snprintf(key, sizeof(key), TOKEN_ROW_KEY "%s", public_id);
    answer = recall_find(reading.recall, &stamp, key);
    if (answer == NULL) {
        return store_read_tokens(exchange->reader, &filter, token_keep, &reading);
    }
    rc = fn(context, (const struct store_read_token *)(const void *)answer_bytes(answer));
    answer_release(answer);
    return rc;
}
