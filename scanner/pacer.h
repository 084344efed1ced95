/* Token bucket: when packets may leave. Pure: the caller gives the time. Knows neither hosts nor sockets. */
#ifndef LEASTPORT_SCANNER_PACER_H
#define LEASTPORT_SCANNER_PACER_H

#include "lib/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* A rate and its burst, shared by every bucket that follows it. `interval_ns` 0 is no ceiling. */
struct pacer_rate {
    uint64_t interval_ns;
    uint64_t tolerance_ns;
};

/* One bucket, as the time at which the next packet would be due were all sent evenly: the virtual scheduling form of
 * the bucket (GCRA, ITU-T I.371 annex A), so that a bucket for each host is 8 bytes. All zero is a full bucket. */
struct pacer {
    uint64_t due_ns;
};

/* `rate_pps` 0 is no ceiling; `burst_pkts` is at least 1. The interval is rounded up: never above the ceiling. */
struct pacer_rate pacer_rate_of(uint64_t rate_pps, uint32_t burst_pkts);

/* How many of `want_pkts` may leave now; they count as sent. */
uint32_t pacer_take(struct pacer *pacer, const struct pacer_rate *rate, struct mono_time now, uint32_t want_pkts);

bool pacer_ready(const struct pacer *pacer, const struct pacer_rate *rate, struct mono_time now);

/* Gives one packet back that was taken and did not leave. */
void pacer_put_back(struct pacer *pacer, const struct pacer_rate *rate);

/* When the next packet may leave; in the past when it may now. */
struct mono_time pacer_next(const struct pacer *pacer, const struct pacer_rate *rate);

#endif
