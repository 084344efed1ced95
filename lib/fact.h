/* The names of what can be known of a service that answers, with their types: what the scanner writes, the store keeps,
 * and a policy's conditions ask for. Knows neither how a fact is learnt nor what is judged of it. */
#ifndef LEASTPORT_LIB_FACT_H
#define LEASTPORT_LIB_FACT_H

#include "lib/addr.h"

#include <stddef.h>
#include <stdint.h>

enum fact_type {
    FACT_TEXT,
    FACT_NUMBER,
    FACT_TRUTH,
    FACT_VERSION, /* text of numbers with dots, compared by fact_compare_versions() */
    FACT_TIME,    /* seconds since 1970, UTC */
};

/* The one that no service tells: what a cloud's rules let the internet do. */
#define FACT_DECLARED "declared"

struct fact_kind {
    const char *name; /* "tls.version" */
    enum fact_type type;
    const char *meaning; /* one phrase */
};

/* Ascending by name; lives for ever. */
const struct fact_kind *fact_kinds(size_t *ret_count);
/* NULL when there is no such fact. */
const struct fact_kind *fact_kind_find(const char *name);

/* As strcmp() for versions: number by number ("1.10" after "1.9"), what is no number after it as text ("9.2p1"), the
 * shorter first when one begins the other. */
int fact_compare_versions(const char *a, const char *b);

#endif
