/* A set of addresses, given as prefixes, asked for one address at a time. Immutable once made. */
#ifndef LEASTPORT_AUDITD_POLICY_PREFIX_SET_H
#define LEASTPORT_AUDITD_POLICY_PREFIX_SET_H

#include "lib/addr.h"

struct prefix_set;

/* NULL when out of memory. `prefixes` is borrowed for the call. The caller owns the result: prefix_set_destroy(). */
struct prefix_set *prefix_set_create(const struct prefix *prefixes, size_t count);
void prefix_set_destroy(struct prefix_set *set);

/* By bisection. */
bool prefix_set_has(const struct prefix_set *set, const struct addr *addr);
/* Its lowest address; the set must not be empty. */
/* Whether each prefix of the inner set lies within one of the outer's. */
bool prefix_set_covers(const struct prefix_set *outer, const struct prefix_set *inner);
struct addr prefix_set_first(const struct prefix_set *set);

#endif
