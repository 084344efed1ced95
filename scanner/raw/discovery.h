/* Whether a host is there at all, asked before its many ports are: by an echo, by SYNs and an ACK to ports that are
 * mostly allowed or refused, by datagrams, and at one of its own ports of the plan. One answer of its own will do.
 * Keeps the books; a volley asks, the engine makes packets of it. */
#ifndef LEASTPORT_SCANNER_RAW_DISCOVERY_H
#define LEASTPORT_SCANNER_RAW_DISCOVERY_H

#include "scanner/packet/packet.h"
#include "scanner/permutation.h"
#include "scanner/slab.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DISCOVERY_KINDS = 8,
    /* A host that gets fewer probes than this is not worth the question. */
    DISCOVERY_LEAST = 17,
};

/* Borrowed for the call. */
struct discovery_options {
    uint32_t hosts;
    enum packet_probe probe; /* the plan's */
    uint8_t seed[PERMUTATION_SEED_BYTES];
    bool (*asks)(const void *context, uint32_t host);
    /* One of its ports in the plan: the `turn`-th, round and round. */
    uint16_t (*port)(const void *context, uint32_t host, uint32_t turn);
    const void *context;
};

struct discovery;

/* NULL when out of memory. The caller owns the result. */
struct discovery *discovery_create(const struct discovery_options *options);
void discovery_destroy(struct discovery *discovery);

/* How many hosts are asked. */
uint32_t discovery_asked(const struct discovery *discovery);

/* For the volley: the hosts have the numbers of the caller's; those that are not asked have no probes. The order is of
 * those that are. Borrowed until discovery_destroy(). */
struct slab *discovery_slab(const struct discovery *discovery);
const struct permutation *discovery_order(const struct discovery *discovery);

/* What a probe is. Any thread. */
struct discovery_question {
    uint32_t host;
    enum packet_probe probe;
    uint16_t port; /* 0 of an echo */
};
struct discovery_question discovery_question(const struct discovery *discovery, uint32_t probe);
/* Its number, or -1. */
int64_t discovery_find(const struct discovery *discovery, const struct discovery_question *question);

/* Of a host that was asked: whether it answered, and by what; of one that did not, what others said of it, or
 * REASON_NO_RESPONSE. */
bool discovery_is_up(const struct discovery *discovery, uint32_t host, enum reason *ret_reason);

#endif
