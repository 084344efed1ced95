/* `policy test`: the cases that a policy's writer put beside it. Pure, but for what it prints. */
#ifndef LEASTPORT_AUDITD_POLICY_REHEARSAL_H
#define LEASTPORT_AUDITD_POLICY_REHEARSAL_H

#include "auditd/policy/policy.h"

struct rehearsal {
    size_t passed;
    size_t failed;
};

/* Judges a made-up host of each case's group, seen from a made-up place in each of its sources and closed to everyone
 * else, at `now_ms`. A line on `out` for each case that went otherwise than expected, "PATH:LINE:COLUMN: ...", then one
 * that sums up. */
struct rehearsal policy_rehearse(const struct policy *policy, const char *path, int64_t now_ms, FILE *out);

#endif
