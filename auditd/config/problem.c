#include "auditd/config/problem.h"

#include "lib/control.h"

#include <stdarg.h>
#include <string.h>

void problems_init(struct problems *problems)
{
    problems->error_count = 0;
    problems->warning_count = 0;
}

bool problems_are_enough(const struct problems *problems, enum problem_level level)
{
    return (level == PROBLEM_ERROR ? problems->error_count : problems->warning_count) >= PROBLEMS_KEPT_MAX;
}

/* Copies with control characters as \xHH; cut on a character's border when it does not fit. */
static void copy_escaped(char *target, size_t size, const char *source)
{
    size_t length = 0;

    for (; *source != '\0'; source++) {
        size_t control = control_length(source);
        if (length + (control > 0 ? 4 * control : 1) >= size) {
            break;
        }
        if (control == 0) {
            target[length++] = *source;
        }
        for (size_t i = 0; i < control; i++) {
            length += (size_t)snprintf(target + length, size - length, "\\x%02x", (unsigned char)source[i]);
        }
        source += control > 0 ? control - 1 : 0;
    }
    if (*source != '\0' && ((unsigned char)*source & 0xc0) == 0x80) {
        while (length > 0 && ((unsigned char)target[length - 1] & 0xc0) == 0x80) {
            length--;
        }
        length -= length > 0 ? 1 : 0;
    }
    target[length] = '\0';
}

void problems_add(struct problems *problems, enum problem_level level, struct mark mark, const char *pointer,
                  const char *format, ...)
{
    char message[PROBLEM_TEXT_SIZE * 2];
    bool is_error = level == PROBLEM_ERROR;
    size_t *count = is_error ? &problems->error_count : &problems->warning_count;
    struct problem *problem;
    va_list arguments;

    if (*count < PROBLEMS_KEPT_MAX) {
        problem = is_error ? &problems->errors[*count] : &problems->warnings[*count];
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        problem->level = level;
        problem->mark = mark;
        copy_escaped(problem->pointer, sizeof(problem->pointer), pointer != NULL ? pointer : "");
        copy_escaped(problem->message, sizeof(problem->message), message);
    }
    (*count)++;
}

static void print_list(const struct problem *items, size_t count, const char *name, const char *level, FILE *out)
{
    size_t kept = count < PROBLEMS_KEPT_MAX ? count : PROBLEMS_KEPT_MAX;

    for (size_t i = 0; i < kept; i++) {
        if (items[i].mark.line == 0) {
            fprintf(out, "%s: %s: %s\n", name, level, items[i].message);
        } else {
            fprintf(out, "%s:%u:%u: %s: %s\n", name, items[i].mark.line, items[i].mark.column, level, items[i].message);
        }
    }
    if (count > kept) {
        fprintf(out, "%s: %s: %zu more of these are not shown\n", name, level, count - kept);
    }
}

void problems_print(const struct problems *problems, const char *name, FILE *out)
{
    print_list(problems->errors, problems->error_count, name, "error", out);
    print_list(problems->warnings, problems->warning_count, name, "warning", out);
}
