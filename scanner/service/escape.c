#include "scanner/service/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How many bytes at the start of `span` are one character of UTF-8 that may be shown; 0: none. */
static size_t character(struct span span)
{
    uint8_t first = span.bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

    if (size > span.size || first < 0x20 || first == 0x7f) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((span.bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* C1 controls, overlong forms, surrogates, past the end of Unicode. */
    if ((first == 0xc2 && span.bytes[1] < 0xa0) || (first == 0xe0 && span.bytes[1] < 0xa0) ||
        (first == 0xed && span.bytes[1] >= 0xa0) || (first == 0xf0 && span.bytes[1] < 0x90) ||
        (first == 0xf4 && span.bytes[1] >= 0x90)) {
        return 0;
    }
    /* Line and paragraph separators, embeddings and overrides, isolates. */
    if (first == 0xe2 && ((span.bytes[1] == 0x80 && span.bytes[2] >= 0xa8 && span.bytes[2] <= 0xae) ||
                          (span.bytes[1] == 0x81 && span.bytes[2] >= 0xa6 && span.bytes[2] <= 0xa9))) {
        return 0;
    }
    return first == '\\' && span.size > 1 && span.bytes[1] == 'x' ? 0 : size;
}

size_t escape_text(struct span bytes, char *text, size_t room)
{
    size_t used = 0;

    while (bytes.size > 0) {
        size_t size = character(bytes);
        size_t needed = size > 0 ? size : ESCAPE_MOST;
        if (used + needed >= room) {
            break;
        }
        if (size > 0) {
            memcpy(text + used, bytes.bytes, size);
        } else {
            snprintf(text + used, ESCAPE_MOST + 1, "\\x%02X", bytes.bytes[0]);
        }
        used += needed;
        bytes = span_from(bytes, size > 0 ? size : 1);
    }
    text[used] = '\0';
    return used;
}

static int digit(char text)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = text == '\0' ? NULL : strchr(digits, text);

    return found == NULL ? -1 : (int)(found - digits);
}

int escape_undo(const char *text, uint8_t *bytes, size_t room, size_t *ret_size)
{
    size_t size = 0;

    while (*text != '\0') {
        if (size == room) {
            return -EBADMSG;
        }
        int high = text[0] == '\\' && text[1] == 'x' ? digit(text[2]) : -1;
        int low = high < 0 ? -1 : digit(text[3]);
        if (low >= 0) {
            bytes[size++] = (uint8_t)(high * 16 + low);
            text += ESCAPE_MOST;
        } else {
            bytes[size++] = (uint8_t)*text++;
        }
    }
    *ret_size = size;
    return 0;
}
