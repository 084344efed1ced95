/* Looks for what a cloud's rules say of a port. A part of settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_DECLARED_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_DECLARED_H

#include "auditd/finding/settle_judge.h"
#include "auditd/policy/cloud_declared.h"

/* 1 and *ret_declared when a cloud that is stored says something of it, 0 when none does, else the store's errors or
 * -ENOMEM. What is UNKNOWN now counts as it was last known: a gap closes nothing and opens nothing. By the host's
 * interfaces, or by whose public address it was seen at. */
MUST_USE int settle_declared(const struct settle_view *view, const struct settle_exposed *exposed,
                             struct cloud_declared *ret_declared);

#endif
