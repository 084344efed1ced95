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

/* Walks the waivers, or acknowledgements, that do not hold at `now_ms`, by finding: the first of a finding behind
 * `after_id`. -ENOENT: all the others do. */
MUST_USE int store_waiver_broken(struct store *store, int64_t now_ms, int64_t after_id,
                                 struct store_broken *ret_broken);
MUST_USE int store_acknowledgement_broken(struct store *store, int64_t after_id, struct store_broken *ret_broken);

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

/* Whether the finding was ever covered by it. */
MUST_USE int store_grant_had(struct store *store, int64_t grant_id, int64_t finding_id, bool *ret_had);
/* Walks those that it covers now: the first behind `after_id`. -ENOENT at the end. */
MUST_USE int store_grant_covered(struct store *store, int64_t grant_id, int64_t after_id,
                                 struct stored_finding *ret_finding);
/* Walks what may be waived of an asset: counting, and not waived. The first behind `after_id`. -ENOENT at the end. */
MUST_USE int store_grant_candidate(struct store *store, int64_t asset_id, int64_t after_id,
                                   struct stored_finding *ret_finding);

/* Living assets. The caller frees `items`. */
struct store_grant_asset {
    int64_t id;
    int64_t realm_id;
};

struct store_grant_assets {
    struct store_grant_asset *items;
    size_t count;
    size_t size;
};

/* Add to what stands there: all, or those that the scan judged or moved a finding of; those at an address; those with a
 * tag. -ENOMEM. */
MUST_USE int store_grant_assets(struct store *store, int64_t scan_id, struct store_grant_assets *assets);
MUST_USE int store_grant_assets_at(struct store *store, const char *address, struct store_grant_assets *assets);
MUST_USE int store_grant_assets_tagged(struct store *store, const char *key, const char *value,
                                       struct store_grant_assets *assets);
/* By id. */
void store_grant_assets_sort(struct store_grant_assets *assets);

#endif
