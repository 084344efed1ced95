/* A host whose every port accepts: a middlebox, a SYN proxy or a tarpit answers for it. One finding stands for all its
 * ports at which no service was recognised. A part of settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_EVERY_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_EVERY_H

#include "auditd/store/finding.h"

struct exposure;
struct settle_scan;
struct settle_asset;

/* What one scan saw of one asset. */
struct settle_every {
    bool is;                          /* the scanner found, by ports that nobody uses, that every port accepts */
    uint64_t looked;                  /* ports without a service that this scan saw open */
    uint64_t refused;                 /* those of them that the policy does not allow */
    enum vantage_class vantage_class; /* the widest that sees one of these */
    struct verdict verdict;           /* of one of these, seen from the widest */
    int64_t last_seen;
};

/* Reads whether the asset is such a host, as the scan's vantage sees it. */
MUST_USE int settle_every_load(const struct settle_scan *scan, int64_t asset_id, struct settle_every *ret_every);

/* Whether the exposure is one of those that the host's finding stands for. It is noted then; `verdict` is its own. */
bool settle_every_takes(struct settle_every *every, const struct exposure *exposure, const struct verdict *verdict,
                        int64_t seen_ms);

/* After all ports of the asset: makes or moves the finding of the host. */
MUST_USE int settle_every(const struct settle_scan *scan, const struct settle_asset *asset);

#endif
