/* Whether all that one rule means is meant by another one, too: hosts, ports, service, sources. Only what is sure
 * counts. Pure; says nothing to anybody. */
#ifndef LEASTPORT_AUDITD_POLICY_COVER_H
#define LEASTPORT_AUDITD_POLICY_COVER_H

#include "auditd/policy/rule.h"

struct cover;

/* Borrows the set until cover_destroy(). `steps`: how much comparing it does in all, a few nanoseconds each. NULL when
 * out of memory. The caller owns the result. */
struct cover *cover_create(const struct rule_set *set, uint64_t steps);
void cover_destroy(struct cover *cover);

/* All of its steps were used: from here on every answer is "no". */
bool cover_is_spent(const struct cover *cover);

/* Whether the outer rule applies, at all times, to all hosts, ports and services that the inner one is for. */
bool cover_has_target(struct cover *cover, const struct rule *outer, const struct rule *inner);

/* The same of the sources of two rules of one list. */
bool cover_has_sources(struct cover *cover, const struct rule *outer, const struct rule *inner);

/* The first source of the allow rule that the forbid rule names, too; NULL: none. */
const struct rule_source *cover_forbidden_source(struct cover *cover, const struct rule *forbid,
                                                 const struct rule *allow);

#endif
