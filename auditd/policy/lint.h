/* What a policy says that its writer can hardly have meant: rules that contradict each other, rules that never decide.
 * Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_LINT_H
#define LEASTPORT_AUDITD_POLICY_LINT_H

#include "auditd/config/problem.h"
#include "auditd/policy/rule.h"

/* Adds warnings. Only what is sure is said. */
void lint_rules(const struct rule_set *set, int64_t now_ms, struct problems *problems);

#endif
