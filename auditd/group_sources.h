/* The sources that a policy allows a port from, as addresses of a cloud. */
#ifndef LEASTPORT_AUDITD_GROUP_SOURCES_H
#define LEASTPORT_AUDITD_GROUP_SOURCES_H

#include "auditd/policy/policy.h"
#include "auditd/reach/proposal.h"
#include "auditd/store/store.h"

struct group_sources;

/* Asks all known hosts whether they are of the policy's groups. Borrows policy and model. The store's errors. */
MUST_USE int group_sources_create(struct store *store, const struct policy *policy, const struct reach_model *model,
                                  struct group_sources **ret_sources);
void group_sources_destroy(struct group_sources *sources);

/* Fills need->from and need->ranges for the need's interface. Both sets stay empty where nothing allows it. -ENOMEM. */
MUST_USE int group_sources_of(const struct group_sources *sources, const struct exposure *exposure,
                              struct reach_need *need);

#endif
