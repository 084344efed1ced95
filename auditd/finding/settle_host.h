/* A finding of a host as a whole, which stands for many of its ports: at port 0, which no listener has. A part of
 * settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_HOST_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_HOST_H

#include "auditd/store/finding.h"

struct settle_scan;
struct settle_asset;

/* Borrows. */
struct settle_host {
    const struct settle_scan *scan;
    const struct settle_asset *asset;
    const char *kind;
    const char *evidence;                    /* JSON, of whatever moves now */
    const char *(*reason)(enum presence to); /* why it moves there */
};

/* -ENOENT when there is none. */
MUST_USE int settle_host_find(const struct settle_host *host, struct stored_finding *ret_finding);

/* This scan saw it, last at `last_seen`. `found`: what settle_host_find() gave, with its finding. */
MUST_USE int settle_host_seen(const struct settle_host *host, const struct verdict *verdict, int64_t last_seen,
                              int found, struct stored_finding *finding);

/* This scan looked and saw nothing of it; a scan that was cut short, or whose host gave no answer, has not looked. It
 * is FIXED when two complete scans in a row saw nothing of it. Nothing happens where this vantage never saw it. */
MUST_USE int settle_host_unseen(const struct settle_host *host, struct stored_finding *finding);

/* This scan saw it, and the policy allows it. */
MUST_USE int settle_host_allowed(const struct settle_host *host, struct stored_finding *finding);

#endif
