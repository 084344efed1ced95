#include "web/utf8.h"

#include <stdint.h>

/* RFC 3629 section 4: what the second byte may be depends on the first. */
static const struct {
    uint8_t first_low, first_high, second_low, second_high, length;
} utf8_forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool utf8_tail(const uint8_t *bytes, size_t length)
{
    for (size_t i = 2; i < length; i++) {
        if (bytes[i] < 0x80 || bytes[i] > 0xbf) {
            return false;
        }
    }
    return true;
}

size_t utf8_sequence(const char *text, size_t left)
{
    const uint8_t *bytes = (const uint8_t *)text;

    if (left == 0) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(*utf8_forms); i++) {
        if (bytes[0] < utf8_forms[i].first_low || bytes[0] > utf8_forms[i].first_high) {
            continue;
        }
        if (left < utf8_forms[i].length || bytes[1] < utf8_forms[i].second_low ||
            bytes[1] > utf8_forms[i].second_high || !utf8_tail(bytes, utf8_forms[i].length)) {
            return 0;
        }
        return utf8_forms[i].length;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t length)
{
    while (length > 0) {
        size_t step = utf8_sequence(text, length);
        if (step == 0) {
            return false;
        }
        text += step;
        length -= step;
    }
    return true;
}
