/* What the files of a plan share: its parts, and how they are made. plan.h is what others see. */
#ifndef LEASTPORT_SCANNER_PLAN_INNER_H
#define LEASTPORT_SCANNER_PLAN_INNER_H

#include "scanner/plan.h"

/* An address that a name gave. */
struct plan_host {
    struct addr addr;
    const char *name; /* the key in doc.resolved */
    bool skipped;
};

struct plan_watch {
    struct addr addr;
    uint16_t port;
};

struct plan {
    struct plan_doc doc;
    char *ports;
    char *json;
    char hash[PLAN_HASH_SIZE];
    struct plan_host *hosts; /* by address; of one that several names gave the first */
    size_t host_count;
    struct plan_watch *watch; /* by address and port */
    size_t watch_count;
    struct addr canary;
    struct space *space;
    uint64_t never_scan_hosts;
    struct addr never_scan_named[PLAN_NAMED_MOST];
    size_t never_scan_named_count;
};

/* -ENOMEM with its *problem. */
int plan_out_of_memory(struct problem *problem);

/* Resolves all names of the plan's document that `resolved` lacks, and adds them to it. As plan_create() has errors. */
MUST_USE int plan_resolve(struct plan *plan, const struct plan_means *means, struct problem *problem);
/* Address `index` of a name; false past the last. What stands in `resolved` was checked or written by ourselves. */
bool plan_resolved(const struct plan *plan, const char *name, size_t index, struct addr *ret_addr);
/* Fills plan->hosts from `resolved`. -ENOMEM. */
MUST_USE int plan_index_hosts(struct plan *plan, struct problem *problem);

/* Fills plan->space and what the never-scan list took from it; plan->watch is filled by then. */
MUST_USE int plan_build_space(struct plan *plan, struct problem *problem);

#endif
