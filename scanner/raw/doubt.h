/* Whether next hops still have the hardware address that probes were sent to: each is asked again, and whoever answers
 * from that address has stayed, whatever others say. Only who is silent there for all questions, while another address
 * answers them, has moved (a failover, a migration): one forged answer moves nobody. Compare RFC 4861, section 7.3.
 * Pure, as neighbour.h is. */
#ifndef LEASTPORT_SCANNER_RAW_DOUBT_H
#define LEASTPORT_SCANNER_RAW_DOUBT_H

#include "lib/clock.h"
#include "scanner/raw/neighbour.h"

#include <stdbool.h>
#include <stdint.h>

struct doubt;

/* NULL when out of memory. The caller owns the result, which borrows the pacer as neighbours_create() does. */
struct doubt *doubt_create(struct pacer *pacer);
void doubt_destroy(struct doubt *doubt);

/* To be asked, as one that was at `mac`; the same for the same address and link. Before the first question. -ENOMEM. */
MUST_USE int doubt_add(struct doubt *doubt, const struct neighbour_question *question, const uint8_t mac[ROUTE_MAC]);

/* As neighbours_next(), neighbours_learn(), neighbours_wakeup() and neighbours_done(). */
bool doubt_next(struct doubt *doubt, struct mono_time now, struct neighbour_question *ret_question);
void doubt_learn(struct doubt *doubt, uint32_t link, const struct addr *addr, const uint8_t mac[ROUTE_MAC]);
struct mono_time doubt_wakeup(const struct doubt *doubt);
bool doubt_is_over(const struct doubt *doubt, struct mono_time now);

/* Once it is over: where the neighbour is now; NULL: where it was, or nowhere, or it was not asked. Borrowed. */
const uint8_t *doubt_moved(const struct doubt *doubt, uint32_t link, const struct addr *addr);

/* Likewise: the n-th that was added, from 0, answers from nowhere any more. NULL: it does; borrowed. */
const struct neighbour_question *doubt_gone(const struct doubt *doubt, size_t n);
size_t doubt_count(const struct doubt *doubt);

#endif
