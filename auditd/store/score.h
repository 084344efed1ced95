/* What the score is worked out from, and where it is kept over time. */
#ifndef LEASTPORT_AUDITD_STORE_SCORE_H
#define LEASTPORT_AUDITD_STORE_SCORE_H

#include "auditd/finding/life.h"
#include "auditd/policy/judge.h"
#include "auditd/store/store.h"

/* Subject of a score as the table `score` has it: scope "fleet" with "", "realm" with its name, "host" with the asset's
 * uuid. */
struct score_subject {
    const char *scope;
    const char *subject;
};

struct score_finding {
    int64_t id;
    uint16_t port;
    bool is_udp;
    enum presence presence;
    enum disposition disposition;
    enum sight sight;
    struct verdict verdict;
};

/* Each finding that may count, worst penalty first: presence NEW, OPEN, VERIFYING or REAPPEARED, not RETIRED, of a
 * living asset; WAIVED ones too (they are summed apart). The struct is borrowed for the call; a callback's error ends
 * the walk and is returned. The callback must not call the store. */
MUST_USE int store_score_findings(struct store *store, const struct score_subject *subject,
                                  int (*each)(void *context, const struct score_finding *finding), void *context);

/* Share of (known living asset, planned port, vantage) judged since now_ms - max_age_ms. 0 when no
 * asset is known: what nobody has seen is not covered. */
MUST_USE int store_score_coverage(struct store *store, const struct score_subject *subject, int64_t now_ms,
                                  int64_t max_age_ms, double *ret_coverage);

/* Every subject that can have a score now: the fleet, each realm, each living asset that a scan has touched since
 * `since_ms` (0: all) and a finding of which has changed since `changed_since_ms` (0: all). The strings are borrowed
 * for the call; the callback may call the store. */
MUST_USE int store_score_subjects(struct store *store, int64_t since_ms, int64_t changed_since_ms,
                                  int (*each)(void *context, const struct score_subject *subject), void *context);

/* The policy that the fleet was scored by last. -ENOENT. */
MUST_USE int store_score_policy(struct store *store, int64_t *ret_policy_id);

struct score_record {
    struct score_subject subject;
    double score;
    const char *grade;
    const char *caps; /* JSON array */
    double exposure;
    double waived;
    double coverage;
    const char *terms; /* JSON array */
    int64_t policy_id;
    int64_t at_ms;
};

/* Moves last_at of the living row when everything is equal, else ends it and begins another. */
MUST_USE int store_score_put(struct store *store, const struct score_record *record);

#endif
