/* A word as a POSIX shell reads it back: how commands are printed that a person may copy. Pure. */
#ifndef LEASTPORT_SCANNER_SHELL_WORD_H
#define LEASTPORT_SCANNER_SHELL_WORD_H

#include <stdio.h>

/* Writes it in single quotes, or bare where nothing in it means anything to a shell (POSIX.1-2017, Shell Command
 * Language, 2.2). Whether `out` took it is for the caller to ask of `out`. */
void shell_word_write(FILE *out, const char *word);

#endif
