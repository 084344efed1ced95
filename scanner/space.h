/* The probes of a plan as a space that can be indexed: disjoint address ranges, each with its ports, cut into slabs.
 * Pure arithmetic on ranges: its memory grows with the number of expressions, never with the number of hosts. */
#ifndef LEASTPORT_SCANNER_SPACE_H
#define LEASTPORT_SCANNER_SPACE_H

#include "lib/addr.h"
#include "lib/portset.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slab has at most this many probes and hosts (but at least one host), so that what is kept for it has a bound: as
 * new plans have it, and the most (and least) that a plan may ask for. */
enum {
    SPACE_SLAB_PROBES = 1 << 20,
    SPACE_SLAB_HOSTS = 1 << 14,
    /* Of raw probes, which hold no socket: fewer ends that are waited for. */
    SPACE_SLAB_PROBES_RAW = 1 << 22,
    SPACE_SLAB_HOSTS_RAW = 1 << 16,
    SPACE_SLAB_PROBES_LEAST = 1 << 16,
    SPACE_SLAB_PROBES_MOST = 1 << 22,
    SPACE_SLAB_HOSTS_MOST = 1 << 16,
};

struct space_geometry {
    uint32_t slab_probes; /* >= SPACE_SLAB_PROBES_LEAST, so that a host with all its ports fits */
    uint32_t slab_hosts;  /* >= 1 */
};

struct space_geometry space_geometry_default(void);
struct space_geometry space_geometry_raw(void);

struct space_builder;

/* NULL when out of memory. */
struct space_builder *space_builder_create(void);
void space_builder_destroy(struct space_builder *builder);

/* Adds first..last x ports, or takes them away again, wherever they stand in the order of calls: exclusions always win.
 * Without ports (NULL) an exclusion takes the hosts away whole. -ENOMEM. */
MUST_USE int space_builder_add(struct space_builder *builder, const struct addr *first, const struct addr *last,
                               const struct portset *ports);
MUST_USE int space_builder_exclude(struct space_builder *builder, const struct addr *first, const struct addr *last,
                                   const struct portset *ports);

struct space;

/* Overlaps are merged: each (host, port) is in the space once. An empty space is one without slabs.
 * -EOVERFLOW when there are more than 2^63 slabs or 2^70 hosts in one range, -ENOMEM. The caller owns the result. */
MUST_USE int space_build(const struct space_builder *builder, struct space_geometry geometry, struct space **ret_space,
                         struct problem *problem);
void space_destroy(struct space *space);

uint64_t space_slabs(const struct space *space);
/* UINT64_MAX when there are as many or more. */
uint64_t space_hosts(const struct space *space);
uint64_t space_probes(const struct space *space);
/* Probes of shard `index` (from 0) of `count`: the positions p of each slab's permutation with p % count == index. */
uint64_t space_shard_probes(const struct space *space, uint32_t index, uint32_t count);
/* The same for all slabs before `slab`. */
uint64_t space_probes_before(const struct space *space, uint64_t slab, uint32_t index, uint32_t count);

/* The disjoint ranges in ascending order (IPv4 first), for whoever checks them whole. */
size_t space_ranges(const struct space *space);
void space_range(const struct space *space, size_t index, struct addr *ret_first, struct addr *ret_last);
bool space_has(const struct space *space, const struct addr *addr, uint16_t port);

#endif
