/* What the server counts of itself, for /metrics. Safe from several threads. */
#ifndef LEASTPORT_WEB_METRICS_H
#define LEASTPORT_WEB_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

struct metrics {
    atomic_uint_fast64_t responses[6]; /* by the first digit of the status */
    atomic_uint_fast64_t late_connections;
    atomic_uint_fast64_t connections; /* open now, streams among them */
};

void metrics_count_response(struct metrics *metrics, unsigned status);

#endif
