#include "scanner/shell_word.h"

#include <string.h>

void shell_word_write(FILE *out, const char *word)
{
    if (*word != '\0' &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=%+-@[]") == strlen(word) &&
        strpbrk(word, "[]") == NULL) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*word, out);
        }
    }
    fputc('\'', out);
}
