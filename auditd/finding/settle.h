/* After a scan's lines are stored: judges every open endpoint that it touched and moves the findings, in one
 * transaction. Running it again changes nothing: scan.judged_at is set in that transaction. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_H

#include "auditd/policy/judge.h"
#include "auditd/store/store.h"

/* Where one vantage stands towards one address that it saw open. */
struct settle_place {
    const char *realm;
    const char *vantage;
    const char *declared_class; /* NULL when the vantage has none */
    const struct addr *address;
    bool self; /* the scanner said that the address is its own host's */
};

struct settle_options {
    const struct policy *policy;
    int64_t policy_id; /* store_policy_put() */
    void (*judge)(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict);
    /* NULL: self when the observation says so, else the declared class, else own-vpc. */
    enum vantage_class (*classify)(void *context, const struct settle_place *place);
    void *context;
    int64_t now_ms;
    int64_t max_age_ms; /* a look from elsewhere that is older proves nothing */
};

/* No policy, judge_exposure() as the judge, the present time, 7 days. */
struct settle_options settle_options_default(void);

struct settle_result {
    uint64_t judged;
    uint64_t created;
    uint64_t moved; /* events of the three columns */
};

/* -ENOENT for an unknown scan, -EBUSY while it is still running, else the store's errors. */
MUST_USE int settle_scan(struct store *store, const char *scan_uuid, const struct settle_options *options,
                         struct settle_result *ret_result);

/* After a crash: settles the scans that ended and were never judged, oldest first, as far as no later scan of the same
 * realm and vantage was judged. How many. */
MUST_USE int settle_pending(struct store *store, const struct settle_options *options, uint64_t *ret_count);

#endif
