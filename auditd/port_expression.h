/* Port expressions as policies and configurations hold them: "22,80-90,https,common,all,60000-,!25". Pure. */
#ifndef LEASTPORT_AUDITD_PORT_EXPRESSION_H
#define LEASTPORT_AUDITD_PORT_EXPRESSION_H

#include "lib/portset.h"

enum { PORT_EXPRESSION_REASON_SIZE = 192 };

/* Items with commas between (and spaces after them): a number; a range, either end may be left out; the name of a
 * service, of the baseline (all its ports) or of IANA; "common"; "all" or "any"; an item after "!" is taken away again.
 * -EINVAL with what is wrong in `reason`. */
MUST_USE int port_expression_parse(const char *text, struct portset *ret_set, char reason[PORT_EXPRESSION_REASON_SIZE]);

#endif
