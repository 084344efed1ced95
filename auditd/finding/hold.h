/* Nothing turns FIXED while a loss is unexplained: where a scan sees 30 % fewer open endpoints than there were, it is
 * more likely that something came between than that so much was mended. The hold ends with a later scan of what is
 * missing that confirms it, or by a person. A part of settle.c. */
#ifndef LEASTPORT_AUDITD_FINDING_HOLD_H
#define LEASTPORT_AUDITD_FINDING_HOLD_H

#include "auditd/finding/settle_port.h"

/* Begins or ends the hold on the place of the scan, and tells whether one holds for its realm. A second look at single
 * ports is no scan that tells either. */
MUST_USE int hold_judge(const struct settle_scan *scan, bool *ret_holds);

/* Fewer open endpoints than this say nothing. Pure: whether `missing` of `before` is a loss. */
enum { HOLD_LEAST_OPEN = 10 };
bool hold_is_loss(int64_t before, int64_t missing);

#endif
