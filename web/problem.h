/* An error as RFC 9457 has it: what was wrong, where, what to do. */
#ifndef LEASTPORT_WEB_PROBLEM_H
#define LEASTPORT_WEB_PROBLEM_H

#include "web/buffer.h"

enum { PROBLEM_TEXT_SIZE = 640, PROBLEM_POINTER_SIZE = 96, PROBLEM_ERRORS = 8 };

struct problem_error {
    char pointer[PROBLEM_POINTER_SIZE]; /* "#/query/limit", "#/header/Host" */
    char message[PROBLEM_TEXT_SIZE];
};

/* `status` 0: no problem. */
struct problem {
    unsigned status;
    char detail[PROBLEM_TEXT_SIZE];
    struct problem_error errors[PROBLEM_ERRORS];
    size_t error_count;
};

void problem_set(struct problem *problem, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds where and what; past PROBLEM_ERRORS it is left out. `where` is printed once as it stands, without a format. */
void problem_point(struct problem *problem, const char *part, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
const char *problem_title(unsigned status);
/* The body of application/problem+json; `instance` is the path that was asked for. */
void problem_write(const struct problem *problem, const char *instance, struct buffer *buffer);

#endif
