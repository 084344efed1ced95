/* The store as an audit works on it: opened, its orphans ended, the policy entered. */
#ifndef LEASTPORT_AUDITD_DESK_H
#define LEASTPORT_AUDITD_DESK_H

#include "auditd/settings.h"
#include "auditd/store/store.h"

struct desk {
    struct store *store;
    int64_t policy_id;
};

/* Says on stderr when it makes a new database. Scans that a crash left running become incomplete, so that they can go
 * on. On an error `ret_error` is filled in; the caller ends it with desk_close() otherwise. */
MUST_USE int desk_open(const struct settings *settings, struct desk *ret_desk, struct store_error *ret_error);

/* Brings what the write-ahead log holds into the database. */
void desk_close(struct desk *desk);

#endif
