/* One port of one asset after a scan: what each place says, what the policy says, where its findings move.
 * A part of settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_PORT_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_PORT_H

#include "auditd/finding/declared.h"
#include "auditd/finding/lookers.h"
#include "auditd/finding/settle.h"
#include "auditd/finding/settle_every.h"
#include "auditd/finding/settle_fold.h"
#include "auditd/finding/standing.h"
#include "auditd/scan_plan.h"
#include "auditd/store/asset.h"
#include "auditd/store/endpoint.h"
#include "auditd/store/scan.h"

struct verdict_memo;

/* What is the same for all ports of a scan. */
struct settle_scan {
    struct store *store;
    const struct settle_options *options;
    struct settle_result *result;
    const struct scan_plan *plan;
    struct stored_scan scan;
    const char *realm;
    const struct standings *standings;
    bool asks;                     /* the plan asks what answers */
    size_t group_count;            /* of the policy */
    bool asks_declared;            /* it has rules that ask what a cloud declares */
    bool asks_outside;             /* the policy has rules for which it matters who looked from elsewhere */
    struct verdict_memo *verdicts; /* of the options' policy; NULL: options->judge() is asked each time */
    bool is_held;                  /* nothing turns FIXED: hold.h */
};

/* What is the same for all ports of an asset. */
struct settle_asset {
    int64_t id;
    bool running;
    struct store_known known;
    struct lookers *lookers;   /* NULL: nobody asks for them */
    struct declared *declared; /* likewise */
    uint8_t *memo;             /* of the policy's groups, as struct host_view has it */
    struct settle_fold fold;
    struct settle_every every;
};

MUST_USE int settle_port(const struct settle_scan *scan, struct settle_asset *asset, const struct store_port *port);

#endif
