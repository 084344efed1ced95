#include "web/metrics.h"

#include <stddef.h>

void metrics_count_response(struct metrics *metrics, unsigned status)
{
    unsigned digit = status / 100;

    atomic_fetch_add_explicit(&metrics->responses[digit < 6 ? digit : 0], 1, memory_order_relaxed);
}

void metrics_count_refusal(struct metrics *metrics, enum metrics_limit limit)
{
    if (metrics != NULL) {
        atomic_fetch_add_explicit(&metrics->refusals[limit], 1, memory_order_relaxed);
    }
}
