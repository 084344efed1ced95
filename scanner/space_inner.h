/* What a space and its hostgroups share: the ranges and how they are cut. Nobody else includes it. */
#ifndef LEASTPORT_SCANNER_SPACE_INNER_H
#define LEASTPORT_SCANNER_SPACE_INNER_H

#include "scanner/portpool.h"
#include "scanner/space.h"

#include <endian.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

struct space_range {
    uint128 first;
    uint64_t hosts;
    uint32_t zone;
    bool is_ipv6;
    uint32_t ports;
};

/* `slabs` slabs of the same size, one after the other, the first of which begins at host `offset` of range `range`.
 * Only a run of one slab may reach into the next range. */
struct space_run {
    uint64_t first_slab;
    uint64_t slabs;
    uint64_t offset;
    uint128 probes_before;
    size_t range;
    uint32_t hosts;  /* of one slab */
    uint32_t probes; /* of one slab */
};

struct space {
    struct portpool *pool;
    struct space_range *ranges;
    size_t range_count;
    size_t range_room;
    struct space_run *runs;
    size_t run_count;
    size_t run_room;
    uint128 hosts;
    uint128 probes;
    uint64_t slabs;
};

static inline uint128 space_number(const struct addr *addr)
{
    uint128 number = 0;

    for (size_t i = 0; i < (addr->is_ipv6 ? 16U : 4U); i++) {
        number = number << 8 | addr->bytes[i];
    }
    return number;
}

/* By whole words, into its place: what is stored in parts and then read or copied as a whole waits for all its parts,
 * for each probe. */
static inline void space_put_addr(uint128 number, bool is_ipv6, uint32_t zone, struct addr *addr)
{
    uint64_t high = htobe64(is_ipv6 ? (uint64_t)(number >> 64) : (uint64_t)number << 32);
    uint64_t low = htobe64(is_ipv6 ? (uint64_t)number : 0);

    memcpy(addr->bytes, &high, sizeof(high));
    memcpy(addr->bytes + sizeof(high), &low, sizeof(low));
    addr->zone = zone;
    addr->is_ipv6 = is_ipv6;
}

struct space_place {
    bool is_ipv6;
    uint32_t zone;
    uint128 number;
};

static inline int space_compare(struct space_place a, struct space_place b)
{
    if (a.is_ipv6 != b.is_ipv6) {
        return a.is_ipv6 - b.is_ipv6;
    }
    if (a.zone != b.zone) {
        return a.zone < b.zone ? -1 : 1;
    }
    return (a.number > b.number) - (a.number < b.number);
}

/* The last run that begins at or before `slab`; there is one. */
const struct space_run *space_find_run(const struct space *space, uint64_t slab);

#endif
