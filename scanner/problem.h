/* What was wrong with an input, where, and what to do: one sentence or two for a person. Knows nothing of inputs. */
#ifndef LEASTPORT_SCANNER_PROBLEM_H
#define LEASTPORT_SCANNER_PROBLEM_H

#include <stddef.h>

enum { PROBLEM_TEXT_SIZE = 512 };

/* A caller gives one, zeroed or not; it is written only when the call fails. */
struct problem {
    char text[PROBLEM_TEXT_SIZE];
};

/* Writes the text, cut to its room. Control characters are escaped (\xHH): inputs may be hostile. `problem` may be
 * NULL. */
void problem_write(struct problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "where: " before the text that stands there. `problem` may be NULL. */
void problem_write_before(struct problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline int problem_code(int rc)
{
    return rc;
}

/* Their value is `rc`, so that "return problem_set(problem, -EINVAL, …)" reads well. Macros, so that compilers and
 * analyzers see which value it is, and that the outputs of a function that failed are not read. */
#define problem_set(problem, rc, ...) (problem_write((problem), __VA_ARGS__), problem_code(rc))
#define problem_prefix(problem, rc, ...) (problem_write_before((problem), __VA_ARGS__), problem_code(rc))

#endif
