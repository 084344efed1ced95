/* What must hold of the rows, whatever happened: questions to the database that find what breaks it. Knows tables, not
 * how files or pages may be damaged. */
#ifndef LEASTPORT_AUDITD_STORE_INVARIANT_H
#define LEASTPORT_AUDITD_STORE_INVARIANT_H

#include "auditd/store/store.h"

enum { STORE_BREACH_WHERE_SIZE = 160 };

struct store_invariant {
    const char *name;
    const char *holds; /* what it says: "no two intervals of an endpoint overlap" */
    const char *sql;   /* a text for each row that breaks it */
};

/* Live for ever; ends with a `name` of NULL. */
const struct store_invariant *store_invariant_table(void);

/* How many rows break it, and which is the first. -errno of the store. */
MUST_USE int store_invariant_ask(struct store *store, const struct store_invariant *invariant, int64_t *ret_count,
                                 char ret_where[STORE_BREACH_WHERE_SIZE]);

#endif
