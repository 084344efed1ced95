/* Brings the stored scores up to date after findings moved: the fleet, each realm, each host that was looked at. */
#ifndef LEASTPORT_AUDITD_FINDING_SCORING_H
#define LEASTPORT_AUDITD_FINDING_SCORING_H

#include "auditd/store/store.h"

struct scoring_options {
    int64_t policy_id;
    int64_t max_age_ms; /* what was judged longer ago is not covered */
    int64_t since_ms;   /* hosts that no scan has touched since keep the score that they have; 0: all */
    int64_t now_ms;
};

/* In one transaction. -errno of the store, or -ENOMEM. */
MUST_USE int scoring_update(struct store *store, const struct scoring_options *options);

#endif
