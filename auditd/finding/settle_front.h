/* Looks for what stands before a port that serves a page: another endpoint of the realm with the same page. A part of
 * settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_SETTLE_FRONT_H
#define LEASTPORT_AUDITD_FINDING_SETTLE_FRONT_H

#include "auditd/finding/settle_judge.h"
#include "auditd/policy/front.h"

/* 1 and *ret_front when there is one, 0 when there is none, else the store's errors or -ENOMEM. `verdict` is that of
 * the exposure. */
MUST_USE int settle_front(const struct settle_view *view, const struct settle_exposed *exposed,
                          const struct verdict *verdict, struct front *ret_front);

#endif
