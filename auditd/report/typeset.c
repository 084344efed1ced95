#include "auditd/report/typeset.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_SIZE = 1024 };

/* The length of the character at `text`, 0 when it is no UTF-8 (RFC 3629: no surrogates, nothing overlong). */
static size_t decode(const unsigned char *text, uint32_t *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
    uint32_t point = length <= 1 ? text[0] : text[0] & (0x7fU >> length);

    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (text[i] & 0x3fU);
    }
    if (length == 0 || point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    *ret_point = point;
    return length;
}

static bool may_be_shown(uint32_t point)
{
    static const uint32_t hidden[][2] = {{0, 0x1f},        {0x7f, 0x9f},      {0xad, 0xad},     {0x61c, 0x61c},
                                         {0x200b, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f}, {0xfeff, 0xfeff},
                                         {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
        if (point >= hidden[i][0] && point <= hidden[i][1]) {
            return false;
        }
    }
    return true;
}

size_t typeset_escape(const char *text, char *buffer, size_t size)
{
    size_t used = 0;
    size_t columns = 0;

    while (*text != '\0') {
        uint32_t point = 0;
        size_t length = decode((const unsigned char *)text, &point);
        bool shown = length > 0 && may_be_shown(point);
        size_t bytes = length > 0 ? length : 1;
        size_t needs = shown ? bytes : 4 * bytes;
        if (used + needs >= size) {
            break;
        }
        for (size_t i = 0; i < bytes && !shown; i++) {
            snprintf(buffer + used + 4 * i, 5, "\\x%02x", (unsigned char)text[i]);
        }
        if (shown) {
            memcpy(buffer + used, text, bytes);
        }
        used += needs;
        columns += shown ? 1 : needs;
        text += bytes;
    }
    buffer[used] = '\0';
    return columns;
}

unsigned typeset_wrap(FILE *out, const char *text, unsigned column, unsigned indent, unsigned width)
{
    bool first = true;

    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        char raw[WORD_SIZE / 4];
        char word[WORD_SIZE];
        size_t taken = length < sizeof(raw) ? length : sizeof(raw) - 1;
        unsigned columns;
        memcpy(raw, text, taken);
        raw[taken] = '\0';
        columns = (unsigned)typeset_escape(raw, word, sizeof(word));
        if (!first && column + 1 + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first && column > indent) {
            fputc(' ', out);
            column++;
        }
        fputs(word, out);
        column += columns;
        first = false;
        text += taken;
    }
    return column;
}
