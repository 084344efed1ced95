/* Waivers of a rule on some hosts: which findings they cover. Inside a transaction of the caller's. */
#ifndef LEASTPORT_AUDITD_FINDING_GRANT_H
#define LEASTPORT_AUDITD_FINDING_GRANT_H

#include "auditd/store/waiver.h"

#include <jansson.h>

enum { GRANT_REASON_SIZE = 256 };

/* Does the object say which hosts are meant: "realm", "cidr", "name" (lists of text), "tag" (an object of text, a glob
 * for each key)? Empty: every host. -EINVAL with what is wrong in `ret_reason`. */
MUST_USE int grant_check_hosts(const json_t *hosts, char ret_reason[GRANT_REASON_SIZE]);

struct grant_given {
    char uuid[STORE_UUID_SIZE];
    uint64_t covered;
};

/* Waives what the rule finds on these hosts now; `terms->grant_id` is ignored. -ENOENT when that is nothing: then
 * nothing is granted, and the caller rolls back. */
MUST_USE int grant_give(struct store *store, const char *rule_id, const json_t *hosts,
                        const struct store_waiver_terms *terms, struct grant_given *ret_given);

/* What it still covers is open again. Adds to *moved. */
MUST_USE int grant_end(struct store *store, int64_t grant_id, const struct store_event *event, uint64_t *moved);

/* Ends those that are past their time, and lets the others cover what is new: findings of the rule on the hosts that
 * they never covered, no wider than what they accepted, with a service that they accepted. Adds to *moved. */
MUST_USE int grants_apply(struct store *store, int64_t now_ms, uint64_t *moved);

#endif
