/* Port expressions as policies and configurations hold them: "22,80-90,https,common,all,60000-,!25". Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_PORT_EXPRESSION_H
#define LEASTPORT_AUDITD_POLICY_PORT_EXPRESSION_H

#include "lib/portset.h"

#include <jansson.h>
#include <stdbool.h>

enum { PORT_EXPRESSION_REASON_SIZE = 192 };

/* Items with commas between (and spaces after them): a number; a range, either end may be left out; the name of a
 * service, of the baseline (all its ports) or of IANA; "common"; "all" or "any"; an item after "!" is taken away again.
 * Names and "common" stand for ports of `proto`, "tcp" or "udp", of both when it is NULL.
 * -EINVAL with what is wrong in `reason`. */
MUST_USE int port_expression_parse(const char *text, const char *proto, struct portset *ret_set,
                                   char reason[PORT_EXPRESSION_REASON_SIZE]);

/* For a document's tables (auditd/validate.h): an integer, whose range is theirs to check, or such a text. */
bool port_expression_check(const json_t *value, const char *proto, char *reason, size_t reason_size);

#endif
