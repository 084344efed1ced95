/* The verbs of `leastport`, each with the program that it is handed to. Pure: a table and look-ups in it. */
#ifndef LEASTPORT_CLI_VERBS_H
#define LEASTPORT_CLI_VERBS_H

#include <stddef.h>

struct verb {
    const char *name;
    const char *program;
    /* What the program takes before the person's own arguments; NULL for nothing. */
    const char *leading;
    const char *summary;
};

/* In the order in which the help shows them. */
const struct verb *verb_table(size_t *ret_count);

/* NULL when there is no such verb. */
const struct verb *verb_find(const char *name);

/* The verb that `name` is most likely a slip for: at most two letters away (Damerau-Levenshtein, neighbours swapped
 * count as one; Lowrance and Wagner 1975), or its beginning. NULL when none is near. */
const struct verb *verb_suggest(const char *name);

#endif
