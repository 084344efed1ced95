/* The hosts of one slab: probe index -> (host, port) and back. Indices count from 0 within the slab; a host's probes
 * are consecutive and ascend by port. */
#ifndef LEASTPORT_SCANNER_HOSTGROUP_H
#define LEASTPORT_SCANNER_HOSTGROUP_H

#include "lib/addr.h"
#include "scanner/space.h"

#include <stdint.h>

struct hostgroup;

/* `slab` < space_slabs(). -ENOMEM. The caller owns the result, which borrows the space. */
MUST_USE int hostgroup_create(const struct space *space, uint64_t slab, struct hostgroup **ret_group);
void hostgroup_destroy(struct hostgroup *group);

uint32_t hostgroup_hosts(const struct hostgroup *group);
uint32_t hostgroup_probes(const struct hostgroup *group);
struct addr hostgroup_addr(const struct hostgroup *group, uint32_t host);
/* The same into its place. */
void hostgroup_put_addr(const struct hostgroup *group, uint32_t host, struct addr *ret_addr);
/* The host's first probe; its last is the one before the next host's first. host == hostgroup_hosts() is allowed: the
 * end. */
uint32_t hostgroup_first_probe(const struct hostgroup *group, uint32_t host);
/* O(log ranges). */
void hostgroup_probe(const struct hostgroup *group, uint32_t probe, uint32_t *ret_host, uint16_t *ret_port);
/* With the host's address: all that each probe needs. */
void hostgroup_locate(const struct hostgroup *group, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr,
                      uint16_t *ret_port);
/* The host's number, or -1 when it is not in the group. O(log ranges). */
int64_t hostgroup_find_host(const struct hostgroup *group, const struct addr *addr);
/* The probe's index, or -1 when (addr, port) is not in the group. */
int64_t hostgroup_find(const struct hostgroup *group, const struct addr *addr, uint16_t port);

#endif
