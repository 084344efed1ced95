/* The texts in a C source that a person reads: its string literals with two words or more, neighbours joined, escapes
 * resolved. So that a test can ask whether each of them was seen. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_LITERALS_H
#define LEASTPORT_TESTS_UNIT_AUDITD_LITERALS_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LITERALS_MOST = 400, LITERAL_SIZE = 512 };

struct literal {
    char text[LITERAL_SIZE];
    char file[128];
    unsigned line;
    bool seen;
};

struct literals {
    struct literal items[LITERALS_MOST];
    size_t count;
};

/* Whether it is a sentence or a part of one: a blank, and a word of letters besides conversions. */
static bool literal_is_prose(const char *text)
{
    size_t letters = 0;
    bool blank = strchr(text, ' ') != NULL;

    for (; *text != '\0'; text++) {
        if (*text == '%') {
            text += strcspn(text + 1, "diuxscfgp%") + 1;
            letters = 0;
        } else {
            letters = isalpha((unsigned char)*text) != 0 ? letters + 1 : 0;
        }
        if (letters >= 2 && blank) {
            return true;
        }
    }
    return false;
}

/* *at is behind the opening quote; leaves it behind the closing one. */
static void literal_take(const char **at, char *text, size_t *length)
{
    const char *from = *at;

    for (; *from != '"' && *from != '\0'; from++) {
        char byte = *from;
        if (byte == '\\') {
            from++;
            byte = (char)(*from == 'n' ? '\n' : *from == 't' ? '\t' : *from == '0' ? '\1' : *from);
        }
        if (*length + 1 < LITERAL_SIZE) {
            text[(*length)++] = byte;
        }
    }
    text[*length] = '\0';
    *at = from + (*from == '"' ? 1 : 0);
}

/* Behind blanks, comments, and lines of the preprocessor. */
static const char *literal_skip(const char *at)
{
    for (;;) {
        if (isspace((unsigned char)*at) != 0) {
            at++;
        } else if (strncmp(at, "/*", 2) == 0) {
            const char *end = strstr(at, "*/");
            at = end == NULL ? at + strlen(at) : end + 2;
        } else if (*at == '#') {
            at += strcspn(at, "\n");
        } else {
            return at;
        }
    }
}

static void literals_scan(struct literals *literals, const char *file, const char *source)
{
    const char *at = source;

    while (*(at = literal_skip(at)) != '\0') {
        struct literal *literal = &literals->items[literals->count];
        const char *begin = at;
        size_t length = 0;
        if (*at == '\'') {
            at += at[1] == '\\' ? 4 : 3;
            continue;
        }
        if (*at != '"') {
            at++;
            continue;
        }
        while (*at == '"') {
            at++;
            literal_take(&at, literal->text, &length);
            at = literal_skip(at);
        }
        if (literal_is_prose(literal->text) && literals->count + 1 < LITERALS_MOST) {
            literal->line = 1;
            for (const char *back = source; back < begin; back++) {
                literal->line += *back == '\n' ? 1 : 0;
            }
            snprintf(literal->file, sizeof(literal->file), "%s", file);
            literal->seen = false;
            literals->count++;
        }
    }
}

static bool literal_fits(const char *format, const char *text);

/* The same behind a conversion's "%". */
static bool literal_fits_conversion(const char *conversion, const char *text)
{
    size_t length = strcspn(conversion, "diuxscfgp");
    bool is_text = conversion[length] == 's' || conversion[length] == 'c' || conversion[length] == '\0';
    const char *rest = conversion + length + (conversion[length] == '\0' ? 0 : 1);

    while (!literal_fits(rest, text)) {
        if (*text == '\0' || (!is_text && strchr("0123456789.-", *text) == NULL)) {
            return false;
        }
        text++;
    }
    return true;
}

/* Whether `text` begins with what printf would make of the format: any text for %s, digits for numbers. A literal whose
 * last conversion a macro ends, ends anywhere. */
static bool literal_fits(const char *format, const char *text)
{
    for (; *format != '\0'; format++, text++) {
        if (*format == '%' && format[1] != '%') {
            return literal_fits_conversion(format + 1, text);
        }
        format += *format == '%' ? 1 : 0;
        if (*format != *text) {
            return false;
        }
    }
    return true;
}

/* Notes the literals that the message was made of. */
static void literals_see(struct literals *literals, const char *message)
{
    for (size_t i = 0; i < literals->count; i++) {
        for (const char *at = message; !literals->items[i].seen && *at != '\0'; at++) {
            literals->items[i].seen = literal_fits(literals->items[i].text, at);
        }
    }
}

#endif
