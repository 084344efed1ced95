/* What a plan allows to be seen: is this host, is this port in it? Read from the plan that scan_start carries: names
 * stand in its "resolved", ports are numbers (or "all"). Pure; sends nothing and resolves nothing. */
#ifndef LEASTPORT_AUDITD_SCAN_PLAN_H
#define LEASTPORT_AUDITD_SCAN_PLAN_H

#include "lib/addr.h"
#include "lib/portset.h"

#include <jansson.h>
#include <stdbool.h>

struct scan_plan;

/* -EBADMSG with the field and the reason in `ret_reason` (of 256 bytes); -ENOMEM. The caller owns the result:
 * scan_plan_destroy(). Nothing of `json` is kept. */
MUST_USE int scan_plan_create(const json_t *json, struct scan_plan **ret_plan, char *ret_reason);
void scan_plan_destroy(struct scan_plan *plan);

/* In the targets and not excluded. */
bool scan_plan_has_host(const struct scan_plan *plan, const struct addr *host);

/* Whether some address is in the targets of both; what they exclude does not count. */
bool scan_plan_overlaps(const struct scan_plan *one, const struct scan_plan *other);

/* Planned for this host, or on the watch list. */
bool scan_plan_has_endpoint(const struct scan_plan *plan, const struct addr *host, bool is_udp, uint16_t port);

/* Whether the endpoint is the plan's canary. */
bool scan_plan_is_canary(const struct scan_plan *plan, const struct addr *host, bool is_udp, uint16_t port);

/* The planned ports of a host without the watched ones; false when the host is not in the plan. */
bool scan_plan_ports(const struct scan_plan *plan, const struct addr *host, bool is_udp, struct portset *ret_ports);

/* Whether the name, when the plan was made, stood for the address. */
bool scan_plan_name_has(const struct scan_plan *plan, const char *name, const struct addr *address);

/* How many addresses of the family the name stood for. */
size_t scan_plan_name_count(const struct scan_plan *plan, const char *name, bool is_ipv6);

#endif
