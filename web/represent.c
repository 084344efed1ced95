#include "web/represent.h"

#include "web/asset.h"
#include "web/coding.h"
#include "web/pack.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strong tags are of bytes, so each form has its own (RFC 9110 section 8.8.1). */
static const char represent_packed_end[] = "-gz\"";

/* `"x"` becomes `"x-gz"`. */
static void represent_mark(char etag[EXCHANGE_ETAG_SIZE])
{
    size_t length = strlen(etag);

    memcpy(etag + length - 1, represent_packed_end, sizeof(represent_packed_end));
}

static void represent_hash(const struct buffer *body, char etag[EXCHANGE_ETAG_SIZE])
{
    unsigned char hash[16];
    char text[2 * sizeof(hash) + 1];

    crypto_generichash(hash, sizeof(hash), (const unsigned char *)body->bytes, body->length, NULL, 0);
    sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
    snprintf(etag, EXCHANGE_ETAG_SIZE, "\"%s\"", text);
}

void represent_tag(struct exchange *exchange, const struct coding_wishes *wishes)
{
    size_t size = exchange->asset == NULL ? exchange->body.length : exchange->asset->size;

    if (exchange->asset == NULL) {
        represent_hash(&exchange->body, exchange->etag);
    } else {
        snprintf(exchange->etag, sizeof(exchange->etag), "%s", exchange->asset->etag);
    }
    exchange->is_packed = exchange->may_pack && coding_prefers_gzip(wishes) &&
                          (size >= REPRESENT_PACK_BYTES || coding_refuses_identity(wishes));
    if (exchange->is_packed) {
        represent_mark(exchange->etag);
    }
}

void represent_pack(struct exchange *exchange)
{
    struct buffer packed;

    if (!exchange->is_packed || exchange->asset != NULL) {
        return;
    }
    buffer_init(&packed);
    if (pack_gzip(exchange->body.bytes, exchange->body.length, &packed.bytes, &packed.length) == 0) {
        packed.capacity = packed.length;
        buffer_done(&exchange->body);
        exchange->body = packed;
    } else {
        exchange->is_packed = false;
        represent_hash(&exchange->body, exchange->etag);
    }
}

bool represent_is_named(const char *if_none_match, const char *etag)
{
    size_t length = strlen(etag);

    while (if_none_match != NULL && *if_none_match != '\0') {
        if_none_match += strspn(if_none_match, " \t,");
        if (*if_none_match == '*') {
            return true;
        }
        if_none_match += strncmp(if_none_match, "W/", 2) == 0 ? 2 : 0;
        if (strncmp(if_none_match, etag, length) == 0) {
            return true;
        }
        if_none_match += strcspn(if_none_match, ",");
    }
    return false;
}

bool represent_is_meant(const char *if_match, const struct exchange *exchange)
{
    char etag[EXCHANGE_ETAG_SIZE];

    represent_hash(&exchange->body, etag);
    if (represent_is_named(if_match, etag)) {
        return true;
    }
    represent_mark(etag);
    return represent_is_named(if_match, etag);
}
