/* Waivers: of one finding each, and those of a rule on some hosts, from which the former follow. Only rows: what they
 * mean for a finding is finding/disposition.h's. All inside a transaction of the caller's. */
#ifndef LEASTPORT_AUDITD_STORE_WAIVER_H
#define LEASTPORT_AUDITD_STORE_WAIVER_H

#include "auditd/store/finding.h"

struct store_waiver_terms {
    const char *owner;
    const char *reason;
    int64_t until_ms; /* from then on it is none */
    const char *actor;
    int64_t grant_id; /* 0: of this finding alone */
    int64_t at_ms;
};

/* Accepts the finding as it is now. A living one gives way to it. */
MUST_USE int store_waiver_put(struct store *store, const struct stored_finding *finding,
                              const struct store_waiver_terms *terms);
/* The living one, if there is any. */
MUST_USE int store_waiver_end(struct store *store, int64_t finding_id, const char *reason, int64_t at_ms);

/* Why an acceptance holds no longer, in this order of weight. */
enum store_breach { STORE_BREACH_ENDED, STORE_BREACH_WIDER, STORE_BREACH_SERVICE };

struct store_broken {
    int64_t finding_id;
    enum store_breach breach;
    int64_t until_ms; /* 0 of an acknowledgement */
    double accepted_breadth;
    char accepted_service[VERDICT_NAME_SIZE];
};

/* The first waiver, or acknowledgement, that does not hold at `now_ms`. -ENOENT: all do. */
MUST_USE int store_waiver_broken(struct store *store, int64_t now_ms, struct store_broken *ret_broken);
MUST_USE int store_acknowledgement_broken(struct store *store, struct store_broken *ret_broken);

/* ---- by rule and hosts ---- */

struct stored_grant {
    int64_t id;
    char uuid[STORE_UUID_SIZE];
    char rule_id[VERDICT_NAME_SIZE];
    char *hosts; /* JSON; owned */
    char *owner;
    char *reason;
    int64_t until_ms;
    double accepted_breadth;
    char *accepted_services; /* JSON array */
};

void store_grant_done(struct stored_grant *grant);

/* `grant->id` is set. `actor` and `at_ms` as in terms. */
MUST_USE int store_grant_put(struct store *store, struct stored_grant *grant, const char *actor, int64_t at_ms);
/* What it accepts is known once its first findings are. */
MUST_USE int store_grant_accept(struct store *store, int64_t grant_id, double breadth, const char *services);
/* The living ones by id: the first after `after_id`. -ENOENT at the end. The caller ends it: store_grant_done(). */
MUST_USE int store_grant_next(struct store *store, int64_t after_id, struct stored_grant *ret_grant);
MUST_USE int store_grant_find(struct store *store, const char *uuid, int64_t *ret_id);
MUST_USE int store_grant_end(struct store *store, int64_t grant_id, const char *reason, int64_t at_ms);

/* Walks the findings that a grant may still cover, by id: of its rule, counting, not waived and never covered by it.
 * -ENOENT at the end. */
MUST_USE int store_grant_candidate(struct store *store, int64_t grant_id, const char *rule_id, int64_t after_id,
                                   struct stored_finding *ret_finding);
/* Those that it covers now, one at a time: the first. -ENOENT: none. */
MUST_USE int store_grant_covered(struct store *store, int64_t grant_id, struct stored_finding *ret_finding);

#endif
