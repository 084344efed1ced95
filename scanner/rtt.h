/* The round-trip time of one host and the time-out that follows from it (RFC 6298). Pure; knows only numbers. */
#ifndef LEASTPORT_SCANNER_RTT_H
#define LEASTPORT_SCANNER_RTT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* RFC 6298 (2.1) begins at 1 s; a little less, so that the time-out comes before the kernel's own first
     * retransmission of a SYN at 1 s, a packet that no pacer has counted. */
    RTT_RTO_INITIAL_US = 950000,
    RTT_RTO_MIN_US = 100000,
    RTT_RTO_MAX_US = 3000000,
};

struct rtt {
    uint32_t srtt_us;
    uint32_t rttvar_us;
    uint32_t rto_us;
    /* False while srtt is only what another host's measurements led to expect. */
    bool measured;
};

/* `seed` is borrowed for the call: measurements of neighbours, which widen the first time-out but never shorten it
 * below half the initial one. NULL for none. */
void rtt_init(struct rtt *rtt, const struct rtt *seed);

/* An answer to a probe that was sent only once in its socket (Karn's rule: RFC 6298 section 3, is the caller's). */
void rtt_sample(struct rtt *rtt, uint32_t sample_us);

/* A time-out of a host that has answered before: doubles the time-out up to its bound (RFC 6298, 5.5). */
void rtt_back_off(struct rtt *rtt);

#endif
