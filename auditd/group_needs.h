/* What a cloud's interfaces need, by what scans saw open there and what the policy allows. Reads only. */
#ifndef LEASTPORT_AUDITD_GROUP_NEEDS_H
#define LEASTPORT_AUDITD_GROUP_NEEDS_H

#include "auditd/policy/policy.h"
#include "auditd/reach/proposal.h"
#include "auditd/store/store.h"

struct group_needs {
    struct reach_needs needs;
    size_t seen;      /* interfaces where some look counts */
    size_t open;      /* ports that are open there */
    size_t forbidden; /* of these, allowed by nothing */
};

/* A look counts at the ports that the model lets the vantage reach: what it could not have reached is not closed, and
 * what nobody could have seen stays. The vantage's own machine is seen from within. Looks of the last 7 days. The
 * store's errors, -ENOMEM. The caller ends it by reach_needs_done(). */
MUST_USE int group_needs_gather(struct store *store, const struct policy *policy, const struct reach_model *model,
                                int64_t now_ms, struct group_needs *ret_needs);

#endif
