#include "auditd/ingest/field.h"

#include <stddef.h>
#include <string.h>

/* One look for each byte: a scan's lines have hundreds of millions. */
static const bool field_word_chars[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true,
    ['8'] = true, ['9'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true,
    ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true, ['L'] = true, ['M'] = true, ['N'] = true,
    ['O'] = true, ['P'] = true, ['Q'] = true, ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true,
    ['W'] = true, ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true,
    ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true,
    ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true,
    ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true, ['-'] = true, ['_'] = true,
    ['.'] = true, ['|'] = true, ['+'] = true, ['/'] = true, [':'] = true, ['%'] = true, ['*'] = true,
};

bool field_is_word_char(char byte)
{
    return field_word_chars[(unsigned char)byte];
}

bool field_is_word(const char *text)
{
    while (field_is_word_char(*text)) {
        text++;
    }
    return *text == '\0';
}

bool field_is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

bool field_is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = text[i] != '\0' && strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (dash ? text[i] != '-' : !hex) {
            return false;
        }
    }
    return text[36] == '\0';
}
