/* What was wrong with an input, where, and what to do: one sentence or two for a person. Knows nothing of inputs. */
#ifndef LEASTPORT_SCANNER_PROBLEM_H
#define LEASTPORT_SCANNER_PROBLEM_H

#include <stddef.h>

enum { PROBLEM_TEXT_SIZE = 512 };

/* A caller gives one, zeroed or not; it is written only when the call fails. */
struct problem {
    char text[PROBLEM_TEXT_SIZE];
};

/* Writes the text, cut to its room, and returns `rc`, so that "return problem_set(problem, -EINVAL, …)" reads well.
 * Control characters are escaped (\xHH): inputs may be hostile. `problem` may be NULL. */
int problem_set(struct problem *problem, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "where: " before the text that stands there; returns `rc`. */
int problem_prefix(struct problem *problem, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
