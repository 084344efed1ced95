#include "scanner/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies with control characters escaped; stops before what does not fit whole. */
static void problem_copy(char *to, size_t room, const char *from)
{
    size_t length = 0;

    for (; *from != '\0'; from++) {
        unsigned char byte = (unsigned char)*from;
        size_t needed = byte < 0x20 || byte == 0x7f ? 4 : 1;
        if (length + needed >= room) {
            break;
        }
        if (needed == 4) {
            snprintf(to + length, room - length, "\\x%02x", byte);
        } else {
            to[length] = (char)byte;
        }
        length += needed;
    }
    to[length] = '\0';
}

void problem_write(struct problem *problem, const char *format, ...)
{
    char text[PROBLEM_TEXT_SIZE];
    va_list args;

    if (problem == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    problem_copy(problem->text, sizeof(problem->text), text);
}

void problem_write_before(struct problem *problem, const char *format, ...)
{
    char where[PROBLEM_TEXT_SIZE];
    char text[PROBLEM_TEXT_SIZE];
    char *end;
    va_list args;

    if (problem == NULL) {
        return;
    }
    memcpy(text, problem->text, sizeof(text));
    va_start(args, format);
    vsnprintf(where, sizeof(where), format, args);
    va_end(args);
    problem_copy(problem->text, sizeof(problem->text) / 2, where);
    end = problem->text + strlen(problem->text);
    snprintf(end, sizeof(problem->text) - (size_t)(end - problem->text), ": %s", text);
}
