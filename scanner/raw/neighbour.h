/* Who has which hardware address: the next hops of a slab, asked by ARP (RFC 826) or neighbour discovery (RFC 4861).
 * What is on link and does not answer is not there. Pure: gives what is to be asked when, takes the answers. */
#ifndef LEASTPORT_SCANNER_RAW_NEIGHBOUR_H
#define LEASTPORT_SCANNER_RAW_NEIGHBOUR_H

#include "lib/addr.h"
#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/raw/route.h"

#include <stdbool.h>
#include <stdint.h>

/* Each is asked so often (RFC 4861's MAX_MULTICAST_SOLICIT), as often again behind the last answer that did not come in
 * the first round, and as often as the loss that these answers show asks for (loss_tries()). The first time-out suits a
 * cable; it doubles up to the third. */
enum { NEIGHBOUR_TRIES = 3, NEIGHBOUR_TRIES_MOST = 16, NEIGHBOUR_TIME_OUT_MS = 150, NEIGHBOUR_RATE_PPS = 20000 };

/* One of the addresses, borrowed. `link`: whatever tells the caller's links apart. */
struct neighbour_question {
    struct addr addr;
    struct addr source;
    uint32_t link;
};

struct neighbours;

/* NULL when out of memory. The caller owns the result, which borrows the pacer: all who share one are asked at
 * NEIGHBOUR_RATE_PPS together. */
struct neighbours *neighbours_create(struct pacer *pacer);
void neighbours_destroy(struct neighbours *neighbours);

/* The number by which the neighbour is known from then on, from 0; the same for the same address and link. -ENOMEM. */
MUST_USE int64_t neighbours_add(struct neighbours *neighbours, const struct neighbour_question *question);
/* The number of one that was added, or -1. */
int64_t neighbours_find(const struct neighbours *neighbours, uint32_t link, const struct addr *addr);
/* It is not asked, nor waited for: somebody else does, or it is known not to answer. */
void neighbours_spare(struct neighbours *neighbours, int64_t number);
/* What is known already, and what an answer says; of one that was not asked for: nothing. */
void neighbours_learn(struct neighbours *neighbours, uint32_t link, const struct addr *addr,
                      const uint8_t mac[ROUTE_MAC]);
/* What it was added by; borrowed. */
const struct neighbour_question *neighbours_question(const struct neighbours *neighbours, int64_t number);
/* Its address is somebody's decision, and stays. */
void neighbours_fix(struct neighbours *neighbours, int64_t number);
bool neighbours_is_fixed(const struct neighbours *neighbours, int64_t number);
/* Its address, or NULL while none is known. Borrowed until the next neighbours_add(). */
const uint8_t *neighbours_mac(const struct neighbours *neighbours, int64_t number);

/* The next question that is to be asked now, which counts as asked; false: none now. */
bool neighbours_next(struct neighbours *neighbours, struct mono_time now, struct neighbour_question *ret_question);
/* When the next is due. */
struct mono_time neighbours_wakeup(const struct neighbours *neighbours);
/* All have answered, or run out of tries. */
bool neighbours_done(const struct neighbours *neighbours, struct mono_time now);

#endif
