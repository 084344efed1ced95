/* What a policy says that its writer can hardly have meant: rules that contradict each other, rules that never decide.
 * Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_LINT_H
#define LEASTPORT_AUDITD_POLICY_LINT_H

#include "auditd/config/problem.h"
#include "auditd/policy/rule.h"

/* Adds warnings. Only what is sure is said; where a policy is so large that not all rules can be compared, that is
 * said, too. -ENOMEM. */
MUST_USE int lint_rules(const struct rule_set *set, int64_t now_ms, struct problems *problems);

#endif
