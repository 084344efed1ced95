#include "web/cursor.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

enum { CURSOR_CHECK_BYTES = 16, CURSOR_BYTES = 16 + CURSOR_CHECK_BYTES };

static void cursor_check(const unsigned char position[16], const struct cursor_binding *binding,
                         unsigned char check[CURSOR_CHECK_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, binding->seal, binding->seal == NULL ? 0 : CURSOR_SEAL_BYTES, CURSOR_CHECK_BYTES);
    crypto_generichash_update(&state, binding->hash, sizeof(binding->hash));
    crypto_generichash_update(&state, position, 16);
    crypto_generichash_final(&state, check, CURSOR_CHECK_BYTES);
}

/* The check is a keyed hash of the position, and so a number for each: it begins the stream that covers it (a synthetic
 * initialisation vector, RFC 5297). */
static void cursor_cover(unsigned char position[16], const struct cursor_binding *binding,
                         const unsigned char check[CURSOR_CHECK_BYTES])
{
    unsigned char stream[16];

    if (binding->seal == NULL) {
        return;
    }
    crypto_generichash(stream, sizeof(stream), check, CURSOR_CHECK_BYTES, binding->seal, CURSOR_SEAL_BYTES);
    for (size_t i = 0; i < sizeof(stream); i++) {
        position[i] ^= stream[i];
    }
}

void cursor_format(const struct cursor_binding *binding, const struct store_position *position,
                   char text[CURSOR_TEXT_SIZE])
{
    unsigned char bytes[CURSOR_BYTES];

    memcpy(bytes, &position->key, 8);
    memcpy(bytes + 8, &position->id, 8);
    cursor_check(bytes, binding, bytes + 16);
    cursor_cover(bytes, binding, bytes + 16);
    sodium_bin2base64(text, CURSOR_TEXT_SIZE, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int cursor_parse(const char *text, const struct cursor_binding *binding, struct store_position *ret_position)
{
    unsigned char bytes[CURSOR_BYTES];
    unsigned char check[CURSOR_CHECK_BYTES];
    struct store_position position = {.is_set = true};
    size_t length = 0;
    const char *end = NULL;

    if (sodium_base642bin(bytes, sizeof(bytes), text, strlen(text), NULL, &length, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        length != sizeof(bytes) || *end != '\0') {
        return -EINVAL;
    }
    cursor_cover(bytes, binding, bytes + 16);
    cursor_check(bytes, binding, check);
    if (sodium_memcmp(check, bytes + 16, sizeof(check)) != 0) {
        return -EINVAL;
    }
    memcpy(&position.key, bytes, 8);
    memcpy(&position.id, bytes + 8, 8);
    if (!isfinite(position.key)) {
        return -EINVAL;
    }
    *ret_position = position;
    return 0;
}
