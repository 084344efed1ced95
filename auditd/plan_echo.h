/* Whether the plan that a scanner repeats in its first line is the one that it was sent. Knows plans as JSON, and what
 * a scanner may do to one: write names of ports as numbers, and add what it found out or chose (the addresses of names,
 * a seed, the size of a slab). Pure. */
#ifndef LEASTPORT_AUDITD_PLAN_ECHO_H
#define LEASTPORT_AUDITD_PLAN_ECHO_H

#include "lib/addr.h"

#include <jansson.h>

enum { PLAN_ECHO_REASON_SIZE = 96 };

/* 0 when all that decides what may be seen and what the scan is taken for is the same: realm, vantage, targets, ports,
 * exclusions, scope, watched endpoints, canary, shard, and the addresses of names that had some already. -EBADMSG with
 * the member that differs in `ret_reason`; -ENOMEM. */
MUST_USE int plan_echo_check(const json_t *sent, const json_t *told, char ret_reason[PLAN_ECHO_REASON_SIZE]);

#endif
