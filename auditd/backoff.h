/* How long to wait before a child that died is started again, and when to give up. Pure: the caller gives the time. */
#ifndef LEASTPORT_AUDITD_BACKOFF_H
#define LEASTPORT_AUDITD_BACKOFF_H

#include "lib/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* The first wait, doubled with each quick death up to the longest; a child that lived at least `healthy_ms` starts
 * anew at the first. After `quick_deaths_max` quick deaths in a row it is given up. */
struct backoff_options {
    uint64_t first_ms;
    uint64_t longest_ms;
    uint64_t healthy_ms;
    uint32_t quick_deaths_max;
};

/* 200 ms to 10 s, healthy after 10 s, given up at the sixth quick death: some 6 s of trying. */
struct backoff_options backoff_options_default(void);

struct backoff {
    struct backoff_options options;
    uint32_t quick_deaths;
};

void backoff_init(struct backoff *backoff, const struct backoff_options *options);

/* The child started at `started` is dead. True with the wait in *ret_wait_ms, or false: give up. */
MUST_USE bool backoff_died(struct backoff *backoff, struct mono_time started, struct mono_time died,
                           uint64_t *ret_wait_ms);

#endif
