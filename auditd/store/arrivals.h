/* Endpoints seen open that most likely have no row yet, kept until there are many, and then stored together: a
 * statement for a thousand rows costs little more than one for a single row. Knows endpoints and their order, not scans
 * or plans. */
#ifndef LEASTPORT_AUDITD_STORE_ARRIVALS_H
#define LEASTPORT_AUDITD_STORE_ARRIVALS_H

#include "auditd/store/endpoint.h"

struct store_arrivals;

/* Borrows the store until store_arrivals_destroy(). NULL when out of memory. */
struct store_arrivals *store_arrivals_create(struct store *store);

/* Forgets what was not written. Takes NULL. */
void store_arrivals_destroy(struct store_arrivals *arrivals);

/* What store_endpoint_seen() does with an open port, though perhaps not before store_arrivals_write(). Needs an open
 * transaction. Texts are copied; each has the length that an observation allows it. */
MUST_USE int store_arrivals_add(struct store_arrivals *arrivals, const struct store_endpoint_key *key,
                                const struct store_endpoint_seen *seen);

/* False when nothing of the asset waits to be written. */
bool store_arrivals_may_hold(const struct store_arrivals *arrivals, int64_t asset_id);

/* Stores all that was added, in the open transaction. After an error that has to be rolled back: part may stand. */
MUST_USE int store_arrivals_write(struct store_arrivals *arrivals);

/* Forgets what was not written, as a rollback does with what was. */
void store_arrivals_drop(struct store_arrivals *arrivals);

/* Lets this connection's statements read arrivals as a table: for store_open(). Returns a result code of SQLite's. */
struct sqlite3;
MUST_USE int store_arrivals_register(struct sqlite3 *database);

#endif
