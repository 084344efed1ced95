/* What is old enough to go: history of what is over. Open findings, what stands as seen, whatever is acknowledged or
 * waived and their evidence stay whatever their age, and so do policies, waivers and the findings themselves. */
#ifndef LEASTPORT_AUDITD_STORE_RETENTION_H
#define LEASTPORT_AUDITD_STORE_RETENTION_H

#include "auditd/store/store.h"

enum retention_kind {
    RETENTION_INTERVALS,    /* of ports and hosts, and facts, that ended */
    RETENTION_EVENTS,       /* of findings, from before they were fixed, allowed or folded last */
    RETENTION_SCORES,       /* that hold no longer */
    RETENTION_CERTIFICATES, /* that no endpoint shows */
    RETENTION_ALERTS,       /* delivered or dropped */
    RETENTION_PLANS,        /* of scans: the scan itself stays */
    RETENTION_LOG,          /* entries of the audit log */
    RETENTION_KINDS
};

/* "intervals", …: as the configuration has them. */
const char *retention_name(enum retention_kind kind);

enum { RETENTION_SLICE_MAX = 2000 };

struct retention {
    int64_t before_ms[RETENTION_KINDS]; /* what ended before then goes; 0: all stays */
    int64_t gone[RETENTION_KINDS];      /* rows so far */
    size_t step;                        /* where it stands; 0 at first */
    int64_t next_id;
    int64_t last_id;
    int64_t slice; /* how many ids a step looks at; 0 is RETENTION_SLICE_MAX. May change between steps. */
};

/* Looks at a slice of rows, in a transaction of its own: call it until it returns 0. 1: there is more; -errno. With
 * `dry` it only counts, also in a store that was opened to read. Not within a transaction. */
MUST_USE int retention_step(struct store *store, bool dry, struct retention *retention);

#endif
