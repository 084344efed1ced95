/* After a scan's lines are stored, or an inventory's hosts: tags, findings, what no scan has looked at where there is a
 * reason to, scores. */
#ifndef LEASTPORT_AUDITD_JUDGING_H
#define LEASTPORT_AUDITD_JUDGING_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

struct policy;

struct judging {
    struct store *store;
    const struct config *config;
    const struct policy *policy;
    int64_t policy_id;
    int64_t since_ms; /* hosts that no scan has touched since keep their score, unless they were judged again */
    bool more;        /* another part of the same scan follows at once: scores wait for the last of them */
};

/* The store's errors, -ENOMEM. */
MUST_USE int judging_scan(const struct judging *judging, const char *scan_uuid);

/* After an inventory changed: findings by the tags that are now, and the score without what is gone. `since_ms` does
 * not matter. */
MUST_USE int judging_hosts(const struct judging *judging);

/* The scores that waited, where the last part does not come. */
MUST_USE int judging_score(const struct judging *judging);

#endif
