/* Receives from one interface by AF_PACKET: TPACKET_V3 rings for each protocol that is wanted (packet(7), and the
 * kernel's Documentation/networking/packet_mmap.rst), or for few answers queues.h. A tap bound to one ethertype costs
 * the sender nothing and does not see what this machine sends; where ingress.h ends the resets, rings see all protocols
 * but nothing that is sent, and their filter takes one. Shared by the drivers. */
#ifndef LEASTPORT_SCANNER_RAW_TAP_H
#define LEASTPORT_SCANNER_RAW_TAP_H

#include "scanner/raw/link.h"

struct tap;

/* The frames begin with what `layer` says. Needs CAP_NET_RAW. -errno with *problem. The caller owns the result. */
MUST_USE int tap_open(const struct link_options *options, enum link_layer layer, struct tap **ret_tap,
                      struct problem *problem);
void tap_close(struct tap *tap);

/* As link_ops has them. */
MUST_USE int tap_receive(struct tap *tap, uint32_t most, link_take_fn *take, void *context);
int tap_descriptor(const struct tap *tap);
/* Frames that the rings had no room for, since the tap was opened (PACKET_STATISTICS). */
uint64_t tap_drops(struct tap *tap);
/* Memory that the rings take; 0: there are none. */
size_t tap_bytes(const struct tap *tap);

#endif
