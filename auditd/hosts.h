/* The addresses that a plan's targets stand for, before the scanner has resolved their names: which stored endpoints
 * belong on the watch list. Resolves by the loop's threads; probes nothing. */
#ifndef LEASTPORT_AUDITD_HOSTS_H
#define LEASTPORT_AUDITD_HOSTS_H

#include "auditd/scan_plan.h"

#include <uv.h>

/* `hosts` holds every port of every target; names that do not resolve are left out. NULL when nothing is left, or out
 * of memory: then nothing is watched. Takes `hosts`: the callee frees it by scan_plan_destroy(). The lookup has ended.
 */
typedef void (*hosts_found)(void *context, struct scan_plan *hosts);

/* Calls `found` once: from here when no name is to be resolved, else later from the loop. Nothing of `plan` is kept. */
void hosts_find(uv_loop_t *loop, const json_t *plan, hosts_found found, void *context);

/* "10.0.0.5:443" is "10.0.0.5", "[fd00::]/120:22" is "fd00::/120", "db.example:ssh" is "db.example". NULL when out of
 * memory; the caller frees it. Pure. */
char *hosts_bare(const char *target);

/* Whether a bare target is an address, a prefix or a range, and so no name. Pure. */
bool hosts_is_literal(const char *bare);

#endif
