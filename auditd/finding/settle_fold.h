/* The listeners of an asset that came and went in the ephemeral range: one finding stands for them all, so that they do
 * not fill the lists. A part of settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_FOLD_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_FOLD_H

#include "auditd/store/finding.h"

#include <jansson.h>

/* Linux's default net.ipv4.ip_local_port_range: what a program gets that asks for any port. */
enum { SETTLE_EPHEMERAL_FIRST = 32768, SETTLE_EPHEMERAL_LAST = 60999 };

/* What one scan folded of one asset. Zero at first; settle_fold_done(). */
struct settle_fold {
    json_t *listeners;      /* NULL: none */
    struct verdict verdict; /* of the one that is seen from the widest */
    int64_t last_seen;
};

struct settle_scan;
struct settle_asset;

/* Whether the finding, should its port prove closed now, is one of a listener that came and went: a TCP port of the
 * ephemeral range that nothing names, no second probe found open, and nobody acknowledged or waived. */
MUST_USE int settle_fold_is_fleeting(struct store *store, const struct stored_finding *finding, bool *ret_fleeting);

/* The finding is FOLDED now. -ENOMEM. */
MUST_USE int settle_fold_add(struct settle_fold *fold, const struct stored_finding *finding, int64_t gone_ms);

/* After all ports of the asset: makes or moves the finding that stands for what was folded. It closes when two complete
 * scans in a row, from places that saw such a listener, looked at their ports and saw none. */
MUST_USE int settle_fold(const struct settle_scan *scan, const struct settle_asset *asset);
void settle_fold_done(struct settle_fold *fold);

#endif
