#include "scanner/hostgroup.h"

#include "scanner/space_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Consecutive hosts of a slab with the same ports. */
struct hostgroup_piece {
    uint128 first;
    uint32_t zone;
    bool is_ipv6;
    uint32_t ports;
    uint32_t port_count;
    uint32_t first_host;
    uint32_t hosts;
    uint32_t first_probe;
};

struct hostgroup {
    const struct portpool *pool;
    uint32_t hosts;
    uint32_t probes;
    uint32_t piece_count;
    struct hostgroup_piece pieces[];
};

int hostgroup_create(const struct space *space, uint64_t slab, struct hostgroup **ret_group)
{
    const struct space_run *run = space_find_run(space, slab);
    uint64_t offset = run->offset + (slab - run->first_slab) * run->hosts;
    struct hostgroup *group;
    size_t range_count = 0;
    uint64_t hosts = 0;

    assert(slab < space->slabs);
    for (size_t i = run->range; hosts < run->hosts; i++) {
        hosts += space->ranges[i].hosts - (range_count == 0 ? offset : 0);
        range_count++;
    }
    group = calloc(1, sizeof(*group) + range_count * sizeof(*group->pieces));
    if (group == NULL) {
        return -ENOMEM;
    }
    group->pool = space->pool;
    for (size_t i = run->range; group->hosts < run->hosts; i++) {
        const struct space_range *range = &space->ranges[i];
        struct hostgroup_piece *piece = &group->pieces[group->piece_count++];
        uint64_t here = range->hosts - offset;
        piece->first = range->first + offset;
        piece->zone = range->zone;
        piece->is_ipv6 = range->is_ipv6;
        piece->ports = range->ports;
        piece->port_count = portpool_count(space->pool, range->ports);
        piece->first_host = group->hosts;
        piece->hosts = here < run->hosts - group->hosts ? (uint32_t)here : run->hosts - group->hosts;
        piece->first_probe = group->probes;
        group->hosts += piece->hosts;
        group->probes += piece->hosts * piece->port_count;
        offset = 0;
    }
    assert(group->probes == run->probes);
    *ret_group = group;
    return 0;
}

void hostgroup_destroy(struct hostgroup *group)
{
    free(group);
}

uint32_t hostgroup_hosts(const struct hostgroup *group)
{
    return group->hosts;
}

uint32_t hostgroup_probes(const struct hostgroup *group)
{
    return group->probes;
}

/* The piece that holds the host, the last one for the end. */
static const struct hostgroup_piece *hostgroup_piece_of_host(const struct hostgroup *group, uint32_t host)
{
    uint32_t low = 0;
    uint32_t high = group->piece_count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (group->pieces[middle].first_host <= host) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &group->pieces[low];
}

void hostgroup_put_addr(const struct hostgroup *group, uint32_t host, struct addr *ret_addr)
{
    const struct hostgroup_piece *piece = hostgroup_piece_of_host(group, host);

    assert(host < group->hosts);
    space_put_addr(piece->first + (host - piece->first_host), piece->is_ipv6, piece->zone, ret_addr);
}

struct addr hostgroup_addr(const struct hostgroup *group, uint32_t host)
{
    struct addr addr;

    hostgroup_put_addr(group, host, &addr);
    return addr;
}

uint32_t hostgroup_first_probe(const struct hostgroup *group, uint32_t host)
{
    const struct hostgroup_piece *piece = hostgroup_piece_of_host(group, host);

    assert(host <= group->hosts);
    return piece->first_probe + (host - piece->first_host) * piece->port_count;
}

static const struct hostgroup_piece *hostgroup_piece_of_probe(const struct hostgroup *group, uint32_t probe)
{
    uint32_t low = 0;
    uint32_t high = group->piece_count - 1;

    assert(probe < group->probes);
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (group->pieces[middle].first_probe <= probe) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &group->pieces[low];
}

/* How many hosts of the piece come before the probe's. */
static inline uint32_t hostgroup_split(const struct hostgroup *group, const struct hostgroup_piece *piece,
                                       uint32_t probe, uint16_t *ret_port)
{
    uint32_t within = probe - piece->first_probe;

    *ret_port = portpool_port(group->pool, piece->ports, within % piece->port_count);
    return within / piece->port_count;
}

void hostgroup_probe(const struct hostgroup *group, uint32_t probe, uint32_t *ret_host, uint16_t *ret_port)
{
    const struct hostgroup_piece *piece = hostgroup_piece_of_probe(group, probe);

    *ret_host = piece->first_host + hostgroup_split(group, piece, probe, ret_port);
}

void hostgroup_locate(const struct hostgroup *group, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr,
                      uint16_t *ret_port)
{
    const struct hostgroup_piece *piece = hostgroup_piece_of_probe(group, probe);
    uint32_t nth = hostgroup_split(group, piece, probe, ret_port);

    *ret_host = piece->first_host + nth;
    space_put_addr(piece->first + nth, piece->is_ipv6, piece->zone, ret_addr);
}

/* NULL when no piece has the address. */
static const struct hostgroup_piece *hostgroup_piece_of_addr(const struct hostgroup *group, const struct addr *addr,
                                                             uint128 number)
{
    struct space_place place = {addr->is_ipv6 != 0, addr->zone, number};
    uint32_t low = 0;
    uint32_t high = group->piece_count;
    const struct hostgroup_piece *piece;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        piece = &group->pieces[middle];
        if (space_compare((struct space_place){piece->is_ipv6, piece->zone, piece->first}, place) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    piece = &group->pieces[low - 1];
    return piece->is_ipv6 == addr->is_ipv6 && piece->zone == addr->zone && number - piece->first < piece->hosts ? piece
                                                                                                                : NULL;
}

int64_t hostgroup_find_host(const struct hostgroup *group, const struct addr *addr)
{
    uint128 number = space_number(addr);
    const struct hostgroup_piece *piece = hostgroup_piece_of_addr(group, addr, number);

    return piece == NULL ? -1 : (int64_t)piece->first_host + (int64_t)(number - piece->first);
}

int64_t hostgroup_find(const struct hostgroup *group, const struct addr *addr, uint16_t port)
{
    uint128 number = space_number(addr);
    const struct hostgroup_piece *piece = hostgroup_piece_of_addr(group, addr, number);
    int32_t index = piece == NULL ? -1 : portpool_find(group->pool, piece->ports, port);

    return index < 0 ? -1 : (int64_t)piece->first_probe + (int64_t)(number - piece->first) * piece->port_count + index;
}
