/* Keeps a run of local ports for ourselves, so that no connection of this machine's gets one of them while answers to
 * our probes come there. The ports are bound, neither listening nor connected: to a SYN-ACK that comes there the kernel
 * answers with a RST, as it does for any connection that it does not know. That is right and wanted: the RST ends the
 * half-open connection at the target at once (RFC 9293, 3.10.7.4), instead of its sending the SYN-ACK again for a
 * minute; and our reader has its copy of the SYN-ACK from the tap before. */
#ifndef LEASTPORT_SCANNER_RAW_PORT_HOLD_H
#define LEASTPORT_SCANNER_RAW_PORT_HOLD_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct port_hold;

/* Bit set of what is to be held. */
enum { PORT_HOLD_TCP = 1, PORT_HOLD_UDP = 2 };

/* `count` consecutive ports, above this machine's ephemeral range where there is room, for IPv4 and, where there is
 * IPv6, for IPv6. UDP ports that are held would swallow their answers into sockets nobody reads: their buffers are made
 * small, and no ICMP port-unreachable goes back to a server that answered. -EADDRINUSE when there is no such run, with
 * *problem. The caller owns the result. */
MUST_USE int port_hold_create(unsigned int protocols, uint16_t count, struct port_hold **ret_hold,
                              struct problem *problem);
void port_hold_destroy(struct port_hold *hold);
uint16_t port_hold_first(const struct port_hold *hold);

#endif
