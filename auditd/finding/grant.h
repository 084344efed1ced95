/* Waivers of a rule on some hosts: which findings they cover. Inside a transaction of the caller's. */
#ifndef LEASTPORT_AUDITD_FINDING_GRANT_H
#define LEASTPORT_AUDITD_FINDING_GRANT_H

#include "auditd/finding/grant_hosts.h"
#include "auditd/store/waiver.h"

struct grant_given {
    char uuid[STORE_UUID_SIZE];
    uint64_t covered;
    char reason[GRANT_REASON_SIZE]; /* with -EINVAL: why nothing was given */
};

/* Waives what the rule finds on these hosts now; `terms->grant_id` is ignored. -ENOENT when that is nothing: then
 * nothing is granted, and the caller rolls back. -EINVAL with ret_given->reason when
 * the policy has no group of a name that `hosts` has. */
MUST_USE int grant_give(struct store *store, const char *rule_id, const json_t *hosts,
                        const struct store_waiver_terms *terms, struct grant_given *ret_given);

/* What it still covers is open again. Adds to *moved. */
MUST_USE int grant_end(struct store *store, int64_t grant_id, const struct store_event *event, uint64_t *moved);

/* Ends those that are past their time, and lets the others cover what is new: findings of the rule on the hosts that
 * they never covered, no wider than what they accepted, with a service that they accepted; with a scan_id those of the
 * scan's hosts alone. Adds to *moved. */
MUST_USE int grants_apply(struct store *store, int64_t now_ms, int64_t scan_id, uint64_t *moved);

#endif
