/* What the score is worked out from, and where it is kept over time. */
#ifndef LEASTPORT_AUDITD_STORE_SCORE_H
#define LEASTPORT_AUDITD_STORE_SCORE_H

#include "auditd/finding/score.h"
#include "auditd/store/store.h"

/* Subject of a score as the table `score` has it: scope "fleet" with "", "realm" with its name, "group" with the name
 * of a group of the policy or with a tag, "KEY=VALUE" (no group's name has a "="), "host" with the asset's uuid. */
struct score_subject {
    const char *scope;
    const char *subject;
};

/* Text is borrowed for the call. */
struct score_asset {
    int64_t id;
    const char *uuid;
    const char *realm;
    bool is_touched;  /* as options say */
    bool is_host;     /* not a network */
    uint64_t planned; /* ports of (vantage, protocol), each once */
    uint64_t judged;  /* of them, since the moment that options say */
};

/* A callback's error ends the walk and is returned. `finding` and `tag` must not call the store, `asset` may. */
struct score_visitor {
    /* Each finding that may count, waived ones too; item->count is 1. */
    int (*finding)(void *context, const struct score_item *item);
    /* Each tag that it has now; the same one twice where two sources say so. */
    int (*tag)(void *context, const char *key, const char *value);
    /* At last, itself. */
    int (*asset)(void *context, const struct score_asset *asset);
    void *context;
};

struct score_walk_options {
    int64_t judged_since_ms;
    /* Touched are those that a scan has looked at since then (0: all) and a finding of which changed since (0: all). */
    int64_t since_ms;
    int64_t changed_since_ms;
};

/* Every living asset, by id. */
MUST_USE int store_score_walk(struct store *store, const struct score_walk_options *options,
                              const struct score_visitor *visitor);

/* The name of each realm; the subject of each group that has a score now. The callback must not call the store. */
MUST_USE int store_score_realms(struct store *store, int (*each)(void *context, const char *realm), void *context);
MUST_USE int store_score_groups(struct store *store, int (*each)(void *context, const char *group), void *context);

/* The text of a policy, owned by the caller: free(). -ENOENT. */
MUST_USE int store_score_policy_source(struct store *store, int64_t policy_id, char **ret_source);

/* The policy that the fleet was scored by last. -ENOENT. */
MUST_USE int store_score_policy(struct store *store, int64_t *ret_policy_id);
/* When the first of the scans began that were judged after anything was scored last. -ENOENT: none was. */
MUST_USE int store_score_unscored(struct store *store, int64_t *ret_since_ms);

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

/* It stands for nothing any more. */
MUST_USE int store_score_end(struct store *store, const struct score_subject *subject, int64_t at_ms);
/* Those of hosts whose asset has ended. */
MUST_USE int store_score_end_hosts(struct store *store, int64_t at_ms);

#endif
