/* What the server counts of itself, for /metrics. Safe from several threads. */
#ifndef LEASTPORT_WEB_METRICS_H
#define LEASTPORT_WEB_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* What was refused because there was too much of it. */
enum metrics_limit {
    METRICS_ADDRESS_CONNECTIONS,
    METRICS_FAILURES,
    METRICS_TOKEN_REQUESTS,
    METRICS_WAITING, /* requests that ask the daemon */
    METRICS_STREAMS,
    METRICS_LIMITS
};

struct metrics {
    atomic_uint_fast64_t responses[6]; /* by the first digit of the status */
    atomic_uint_fast64_t refusals[METRICS_LIMITS];
    atomic_uint_fast64_t late_connections;
    atomic_uint_fast64_t connections; /* open now, streams among them */
};

/* `metrics` may be NULL. */
void metrics_count_refusal(struct metrics *metrics, enum metrics_limit limit);
void metrics_count_response(struct metrics *metrics, unsigned status);

#endif
