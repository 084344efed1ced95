/* Which controls of published standards a finding speaks to, as schema/compliance.json maps the rules. Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_COMPLIANCE_H
#define LEASTPORT_AUDITD_POLICY_COMPLIANCE_H

#include "auditd/policy/judge.h"

/* Writes verdict->controls from its rule, its kind and its breadth: ids of lib/standard.h, with blanks between. `more`
 * are those that the rule's writer gave it, "" for none. `address`: where the port was seen; NULL: not known. */
void compliance_note(struct verdict *verdict, const char *more, const struct addr *address);

#endif
