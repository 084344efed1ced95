/* Brings the stored scores up to date after findings moved: the fleet, each realm, each named group of the policy and
 * each tag that two hosts have, each host that was looked at. */
#ifndef LEASTPORT_AUDITD_FINDING_SCORING_H
#define LEASTPORT_AUDITD_FINDING_SCORING_H

#include "auditd/store/store.h"

struct scoring_options {
    int64_t policy_id;
    int64_t max_age_ms; /* what was judged longer ago is not covered */
    int64_t since_ms;   /* hosts that no scan has touched since keep the score that they have; 0: all */
    int64_t now_ms;
    int64_t changed_since_ms; /* not 0: of the hosts those alone that have a finding which changed since */
};

/* In one transaction; also what scans changed that were judged but not scored, because the program ended between the
 * two. -errno of the store, or -ENOMEM. */
MUST_USE int scoring_update(struct store *store, const struct scoring_options *options);

/* That of nothing else: nothing where all that was judged is scored. `options->since_ms` is not looked at. */
MUST_USE int scoring_catch_up(struct store *store, const struct scoring_options *options);

/* The same after somebody has decided about findings at `now_ms` (their changed_at): the fleet, the realms, the groups,
 * the hosts of those findings, under the policy that was scored by last. Nothing where nothing was scored yet. */
MUST_USE int scoring_changed(struct store *store, int64_t now_ms, int64_t max_age_ms);

#endif
