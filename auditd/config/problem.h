/* What is wrong with a text that a person wrote: errors and warnings, each with its place. Knows no format. */
#ifndef LEASTPORT_AUDITD_CONFIG_PROBLEM_H
#define LEASTPORT_AUDITD_CONFIG_PROBLEM_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A place in a text, both from 1; line 0 is "the text as a whole". Columns count characters, not bytes. */
struct mark {
    uint32_t line;
    uint32_t column;
};

enum problem_level { PROBLEM_ERROR, PROBLEM_WARNING };

enum { PROBLEM_TEXT_SIZE = 512, PROBLEM_POINTER_SIZE = 256, PROBLEMS_KEPT_MAX = 20 };

struct problem {
    enum problem_level level;
    struct mark mark;
    char pointer[PROBLEM_POINTER_SIZE]; /* RFC 6901; "" is the whole document */
    char message[PROBLEM_TEXT_SIZE];
};

/* The first PROBLEMS_KEPT_MAX errors and as many warnings are kept, all are counted. Plain data: no allocation. */
struct problems {
    struct problem errors[PROBLEMS_KEPT_MAX];
    struct problem warnings[PROBLEMS_KEPT_MAX];
    size_t error_count;
    size_t warning_count;
};

void problems_init(struct problems *problems);

/* Control characters in the message are escaped: it may quote the text. `pointer` may be NULL for "". */
void problems_add(struct problems *problems, enum problem_level level, struct mark mark, const char *pointer,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Whether one more of the level is only counted: whoever words a message at length need not. */
bool problems_are_enough(const struct problems *problems, enum problem_level level);

/* "NAME:LINE:COLUMN: error: MESSAGE" a line, errors first, each in the order of the text; how many were left out. */
void problems_print(const struct problems *problems, const char *name, FILE *out);

#endif
