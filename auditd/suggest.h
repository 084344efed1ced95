/* Drafts a policy from what is open now: a rule for each port that a kind of host has open, for a person to cut down.
 */
#ifndef LEASTPORT_AUDITD_SUGGEST_H
#define LEASTPORT_AUDITD_SUGGEST_H

#include "auditd/policy/policy.h"
#include "auditd/store/store.h"

/* What suggest_write() counted. */
struct suggested {
    uint64_t hosts;
    uint64_t rules;
    uint64_t struck;   /* written as comments: the baseline forbids them */
    uint64_t left_out; /* past what a policy takes */
};

/* Hosts with the same tags are a group; of the others, those with the same ports open. What `policy` allows is left
 * out. Reads only. The store's errors, -ENOMEM. */
MUST_USE int suggest_write(struct store *store, const struct policy *policy, int64_t now_ms, FILE *out,
                           struct suggested *ret_suggested);

#endif
