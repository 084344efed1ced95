#include "web/stream_place.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACE_NUMBERS = 4,
    PLACE_BYTES = PLACE_NUMBERS * 8,
    PLACE_SEALED_BYTES = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + PLACE_BYTES
};

static void place_pack(const struct store_stream_place *place, int64_t numbers[PLACE_NUMBERS])
{
    numbers[0] = place->change;
    numbers[1] = place->score;
    numbers[2] = place->scan;
    numbers[3] = place->mark;
}

static void place_unpack(const int64_t numbers[PLACE_NUMBERS], struct store_stream_place *place)
{
    *place = (struct store_stream_place){numbers[0], numbers[1], numbers[2], numbers[3]};
}

void stream_place_format(const struct store_stream_place *place, const unsigned char *key,
                         char text[STREAM_PLACE_TEXT_SIZE])
{
    unsigned char sealed[PLACE_SEALED_BYTES];
    int64_t numbers[PLACE_NUMBERS];
    unsigned char plain[PLACE_BYTES];

    if (key == NULL) {
        snprintf(text, STREAM_PLACE_TEXT_SIZE, "%" PRId64 "-%" PRId64 "-%" PRId64 "-%" PRIx64, place->change,
                 place->score, place->scan, (uint64_t)place->mark);
        return;
    }
    place_pack(place, numbers);
    memcpy(plain, numbers, sizeof(plain));
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, plain, sizeof(plain), sealed, key);
    sodium_bin2base64(text, STREAM_PLACE_TEXT_SIZE, sealed, sizeof(sealed), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int place_parse_sealed(const char *text, const unsigned char *key, struct store_stream_place *ret_place)
{
    unsigned char sealed[PLACE_SEALED_BYTES];
    unsigned char plain[PLACE_BYTES];
    int64_t numbers[PLACE_NUMBERS];
    size_t length = 0;
    const char *end = NULL;

    if (sodium_base642bin(sealed, sizeof(sealed), text, strlen(text), NULL, &length, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        length != sizeof(sealed) || *end != '\0' ||
        crypto_secretbox_open_easy(plain, sealed + crypto_secretbox_NONCEBYTES,
                                   sizeof(sealed) - crypto_secretbox_NONCEBYTES, sealed, key) != 0) {
        return -EINVAL;
    }
    memcpy(numbers, plain, sizeof(plain));
    place_unpack(numbers, ret_place);
    return 0;
}

/* Digits of that base alone, up to `ends`; NULL when there are none or too many. */
static const char *place_read_number(const char *text, int base, char ends, int64_t *ret_number)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strspn(text, base == 10 ? "0123456789" : digits);
    unsigned long long number;

    if (length == 0 || length > (base == 10 ? 18 : 16) || text[length] != ends) {
        return NULL;
    }
    number = strtoull(text, NULL, base);
    *ret_number = (int64_t)number;
    return text + length + (ends == '\0' ? 0 : 1);
}

int stream_place_parse(const char *text, const unsigned char *key, struct store_stream_place *ret_place)
{
    int64_t numbers[PLACE_NUMBERS];

    if (key != NULL) {
        return place_parse_sealed(text, key, ret_place);
    }
    for (size_t i = 0; i < PLACE_NUMBERS; i++) {
        bool is_last = i == PLACE_NUMBERS - 1;
        text = place_read_number(text, is_last ? 16 : 10, is_last ? '\0' : '-', &numbers[i]);
        if (text == NULL) {
            return -EINVAL;
        }
    }
    place_unpack(numbers, ret_place);
    return 0;
}

bool stream_place_is_same(const struct store_stream_place *one, const struct store_stream_place *other)
{
    return one->change == other->change && one->score == other->score && one->scan == other->scan &&
           one->mark == other->mark;
}
