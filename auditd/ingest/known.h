/* Which asset an address was found to be: a scan's lines are of the same hosts again and again. Of fixed size; what has
 * no room is asked of the store again. Knows addresses and numbers, not the store. */
#ifndef LEASTPORT_AUDITD_INGEST_KNOWN_H
#define LEASTPORT_AUDITD_INGEST_KNOWN_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct ingest_known;

/* NULL when out of memory. The caller owns it: ingest_known_destroy(). */
struct ingest_known *ingest_known_create(void);
void ingest_known_destroy(struct ingest_known *known);

struct ingest_known_asset {
    int64_t id;
    bool is_new; /* made by this scan */
};

/* id 0 when it is not known; ids begin at 1. */
struct ingest_known_asset ingest_known_find(const struct ingest_known *known, const struct addr *address);
void ingest_known_put(struct ingest_known *known, const struct addr *address, struct ingest_known_asset asset);

/* Forgets all: an asset may have ended. */
void ingest_known_clear(struct ingest_known *known);

#endif
