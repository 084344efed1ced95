/* Findings as they stood at a past moment, from their log: a relation that takes the place of the table in a query.
 * Internal to store_read_*.c. */
#ifndef LEASTPORT_AUDITD_STORE_FINDING_PAST_H
#define LEASTPORT_AUDITD_STORE_FINDING_PAST_H

#include "auditd/store/query.h"

/* The moment is value number 1 of such a query. */
enum { FINDING_PAST_MOMENT = 1 };

/* Begins a query that has nothing yet with the relation finding_past, whose columns are those of the table finding. A
 * finding that was not there at `as_of_ms` (since 1970 UTC) has no row. What the log does not have stands as it is now
 * (title, why, fix, controls, kind), or is NULL (the penalty and its terms, last_seen). */
void finding_past_define(struct store_query *query, int64_t as_of_ms);

#endif
