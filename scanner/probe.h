/* What a probe can learn, and the table of functions behind which the engines stand. Knows neither plan nor output. */
#ifndef LEASTPORT_SCANNER_PROBE_H
#define LEASTPORT_SCANNER_PROBE_H

#include "lib/addr.h"
#include "scanner/observation.h"

#include <stdbool.h>
#include <stdint.h>

/* Two bits, in order of weight: what a probe has learnt is only ever upgraded. */
enum probe_answer { PROBE_NONE, PROBE_ICMP, PROBE_RST, PROBE_SYN_ACK };

/* Open, closed, or filtered (ICMP and silence). */
enum port_state probe_port_state(enum probe_answer answer);

/* The reason that an ICMP or ICMPv6 error gives, by its type and code (RFC 792, RFC 1812, RFC 4443). False when the
 * message does not say that the packet failed to arrive (source quench, packet too big). */
bool probe_reason_icmp(uint8_t type, uint8_t code, enum reason *ret_reason);
bool probe_reason_icmp6(uint8_t type, uint8_t code, enum reason *ret_reason);

/* One way of probing. `probe` is its index in the slab and comes back with the answer. */
struct probe_engine_ops {
    /* 0: on its way, and *ret_handle names it until it has answered or is cancelled. -EAGAIN: this machine has no room
     * for it now; nothing was sent, and it is asked again later. Another -errno ends the scan. */
    int (*send)(void *engine, uint32_t probe, const struct addr *addr, uint16_t port, uint32_t *ret_handle);
    /* Its time is over: releases what the probe holds. */
    void (*cancel)(void *engine, uint32_t handle);
    /* How many may be on their way at once. */
    uint32_t (*capacity)(void *engine);
    /* An answer always belongs to the try that is on its way, as it does where each try on its way has a socket. */
    bool tells_tries_apart;
    /* True while a probe that is on its way still waits inside the engine: nothing has been sent for it, and its time
     * has not begun. It may yet come to nothing, and is taken back then. NULL: send() has sent it. */
    bool (*is_waiting)(void *engine, uint32_t handle);
};

#endif
