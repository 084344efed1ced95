/* What one surface opens that another one did not. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_DIFF_H
#define LEASTPORT_AUDITD_REACH_DIFF_H

#include "auditd/reach/surface.h"

/* Rows of what is open (REACHABLE or CONDITIONAL) in `after` and was not in `before`: ports and sources, the latter as
 * REACHABLE's. Both are rows of the same interface or balancer. The caller ends the result. -ENOMEM. */
MUST_USE int reach_diff(const struct reach_rows *before, const struct reach_rows *after, struct reach_rows *ret_rows);

#endif
