/* Hears ARP, or neighbour advertisements, on one interface where few answers are to come: a gateway's, when routes
 * change, or one by IPv6 of IPv4 routes (RFC 5549). A packet socket without a ring, which takes no time to make; links
 * that ask many have a ring for ARP instead, and those for IPv6 hear advertisements anyway (tap.h). */
#ifndef LEASTPORT_SCANNER_RAW_EAR_H
#define LEASTPORT_SCANNER_RAW_EAR_H

#include "scanner/raw/link.h"

struct ear;

/* `ethertype`: ETH_P_ARP, or ETH_P_IPV6 for advertisements. Text is borrowed for the call. -errno with *problem. The
 * caller owns the result. */
MUST_USE int ear_open(const char *interface, uint32_t ifindex, uint16_t ethertype, struct ear **ret_ear,
                      struct problem *problem);
void ear_close(struct ear *ear);

/* Gives whole frames that are there to `take`, for a bounded time; never waits. What came before it was of interest may
 * be among them. */
void ear_receive(struct ear *ear, link_take_fn *take, void *context);

#endif
