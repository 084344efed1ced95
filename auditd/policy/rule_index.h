/* Which rules can concern a port: looked up instead of tried one by one. Immutable once made. */
#ifndef LEASTPORT_AUDITD_POLICY_RULE_INDEX_H
#define LEASTPORT_AUDITD_POLICY_RULE_INDEX_H

#include "auditd/policy/rule.h"

struct rule_index;

/* NULL when out of memory. Counts the rules of the set as they are now. The caller owns the result. */
struct rule_index *rule_index_create(const struct rule_set *set);
void rule_index_destroy(struct rule_index *index);

/* The numbers of the allow (or forbid) rules that have the port and the protocol, ascending. Borrowed. */
struct rule_numbers {
    const uint16_t *items;
    size_t count;
};

struct rule_numbers rule_index_find(const struct rule_index *index, bool forbid, const char *proto, uint16_t port);

#endif
