/* Who may use a port by a policy, whoever sees it now. Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_GRANTED_H
#define LEASTPORT_AUDITD_POLICY_GRANTED_H

#include "auditd/policy/rule.h"

/* A rule that means the port. NULL: all may, for it only leads to where TLS is. An error ends the walk. */
typedef int granted_fn(void *context, const struct rule *rule, bool forbids);

/* Calls `each` with the rules that allow the port, whatever their sources, also where it is not known whether their
 * conditions hold; then with those that forbid it. Not once where the baseline lets no rule allow it. */
MUST_USE int granted_each(const struct policy *policy, const struct exposure *exposure, granted_fn *each,
                          void *context);

#endif
