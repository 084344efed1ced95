/* Hears ARP on one interface where few answers are to come: a gateway's, when routes change. A packet socket without a
 * ring, which takes no time to make; links that ask many have a ring for ARP instead (tap.h). */
#ifndef LEASTPORT_SCANNER_RAW_EAR_H
#define LEASTPORT_SCANNER_RAW_EAR_H

#include "scanner/raw/link.h"

struct ear;

/* Text is borrowed for the call. -errno with *problem. The caller owns the result. */
MUST_USE int ear_open(const char *interface, uint32_t ifindex, struct ear **ret_ear, struct problem *problem);
void ear_close(struct ear *ear);

/* Gives whole frames that are there to `take`, for a bounded time; never waits. What came before it was of interest may
 * be among them. */
void ear_receive(struct ear *ear, link_take_fn *take, void *context);

#endif
