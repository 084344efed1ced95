#include "auditd/export/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The length of the character of UTF-8 (RFC 3629) at `text`, 0 where there is none, and which it is. */
static size_t text_character(const unsigned char *text, uint32_t *ret_character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    uint32_t character = length == 1 ? text[0] : text[0] & (0x7fU >> length);

    if (length == 0 || text[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        character = character << 6 | (text[i] & 0x3f);
    }
    *ret_character = character;
    return character < least[length] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000) ? 0
                                                                                                            : length;
}

json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    uint32_t character;
    char *clean;
    size_t used = 0;

    if (string != NULL) {
        return string;
    }
    clean = malloc(3 * strlen(text) + 1);
    if (clean == NULL) {
        return NULL;
    }
    while (*text != '\0') {
        size_t length = text_character((const unsigned char *)text, &character);
        memcpy(clean + used, length == 0 ? "\xef\xbf\xbd" : text, length == 0 ? 3 : length);
        used += length == 0 ? 3 : length;
        text += length == 0 ? 1 : length;
    }
    string = json_stringn(clean, used);
    free(clean);
    return string;
}

int text_print_json(FILE *out, json_t *value)
{
    int rc = value == NULL ? -ENOMEM : 0;

    if (rc == 0 && json_dumpf(value, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) != 0) {
        rc = ferror(out) != 0 ? -EIO : -ENOMEM;
    }
    json_decref(value);
    return rc;
}

/* Marks that turn writing (UAX #9) would show another text than the one that is there. */
static bool text_turns(uint32_t character)
{
    return character == 0x61c || character == 0x200e || character == 0x200f ||
           (character >= 0x202a && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

static bool text_is_markup(uint32_t character)
{
    if (text_turns(character)) {
        return false;
    }
    return (character >= 0x20 && character < 0x7f) || character == '\t' || character == '\n' ||
           (character >= 0xa0 && character != 0xfffe && character != 0xffff);
}

void text_print_markup(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        uint32_t character = 0;
        size_t length = text_character(at, &character);
        if (length == 0 || !text_is_markup(character)) {
            length = length == 0 ? 1 : length;
            for (size_t i = 0; i < length; i++) {
                fprintf(out, "\\x%02x", at[i]);
            }
        } else if (character < 0x20 || (character < 0x80 && strchr("&<>\"'", (int)character) != NULL)) {
            fprintf(out, "&#%u;", (unsigned)character);
        } else {
            fwrite(at, 1, length, out);
        }
        at += length;
    }
}

/* What begins one for some spreadsheet: also behind blanks that it drops, and in the forms of full width. */
static bool text_is_formula(const char *text)
{
    static const uint32_t marks[] = {'=', '+', '-', '@', '\t', '\r', '\n', 0xff1d, 0xff0b, 0xff0d, 0xff20};
    uint32_t first = 0;

    text += strspn(text, " ");
    if (*text == '\0' || text_character((const unsigned char *)text, &first) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        if (marks[i] == first) {
            return true;
        }
    }
    return false;
}

void text_print_cell(FILE *out, const char *text)
{
    const char *quote = strpbrk(text, ",\"\r\n") == NULL ? "" : "\"";
    uint32_t character;

    fprintf(out, "%s%s", quote, text_is_formula(text) ? "'" : "");
    while (*text != '\0') {
        size_t length = text_character((const unsigned char *)text, &character);
        if (*text == '"') {
            putc('"', out);
        }
        fwrite(length == 0 ? "\xef\xbf\xbd" : text, 1, length == 0 ? 3 : length, out);
        text += length == 0 ? 1 : length;
    }
    fputs(quote, out);
}
