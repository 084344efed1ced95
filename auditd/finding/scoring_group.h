/* The groups that have a score: what the policy names, and what hosts are tagged with. */
#ifndef LEASTPORT_AUDITD_FINDING_SCORING_GROUP_H
#define LEASTPORT_AUDITD_FINDING_SCORING_GROUP_H

#include "auditd/finding/pile.h"
#include "auditd/store/score.h"

struct scoring_groups;

/* Those that have a score now, and those of the policy with that id. -ENOMEM, the store's errors. The caller owns the
 * result: scoring_groups_destroy(). */
MUST_USE int scoring_groups_create(struct store *store, int64_t policy_id, struct scoring_groups **ret_groups);
void scoring_groups_destroy(struct scoring_groups *groups);

/* The next host has this tag too. */
MUST_USE int scoring_groups_tag(struct scoring_groups *groups, const char *key, const char *value);

/* The host whose tags were said since the last one: its pile joins those of its groups. */
MUST_USE int scoring_groups_host(struct scoring_groups *groups, const struct score_asset *asset,
                                 const struct pile *pile);

/* Each group: `counts` where a score is due, for a policy's group has a host, or a tag two. */
MUST_USE int scoring_groups_each(const struct scoring_groups *groups,
                                 int (*each)(void *context, const char *name, const struct pile *pile, bool counts),
                                 void *context);

#endif
