/* Which of a policy's groups have a known host. */
#ifndef LEASTPORT_AUDITD_CENSUS_H
#define LEASTPORT_AUDITD_CENSUS_H

#include "auditd/policy/policy.h"
#include "auditd/store/store.h"

/* ret_has[i]: of group i (rule.h). Reads only. The store's errors. */
MUST_USE int census_groups(struct store *store, const struct policy *policy, bool *ret_has);

struct store_known;

/* Called with each of the policy's groups (rule.h) that a known host is of; `known` is borrowed for the call. */
typedef void census_fn(void *context, size_t group, const struct store_known *known);

/* All living hosts. Reads only. The store's errors, -ENOMEM. */
MUST_USE int census_each(struct store *store, const struct policy *policy, census_fn *each, void *context);

/* The next living asset after *asset_id, from 0, and its realm. -ENOENT behind the last. */
MUST_USE int census_next(struct store *store, int64_t *asset_id, int64_t *ret_realm_id);

#endif
