#include "auditd/backoff.h"

struct backoff_options backoff_options_default(void)
{
    return (struct backoff_options){.first_ms = 200, .longest_ms = 10000, .healthy_ms = 10000, .quick_deaths_max = 6};
}

void backoff_init(struct backoff *backoff, const struct backoff_options *options)
{
    *backoff = (struct backoff){.options = *options};
}

bool backoff_died(struct backoff *backoff, struct mono_time started, struct mono_time died, uint64_t *ret_wait_ms)
{
    const struct backoff_options *options = &backoff->options;
    uint64_t wait_ms = options->first_ms;

    if (mono_elapsed_ns(started, died) / 1000000 >= options->healthy_ms) {
        backoff->quick_deaths = 0;
        *ret_wait_ms = wait_ms;
        return true;
    }
    backoff->quick_deaths++;
    if (backoff->quick_deaths >= options->quick_deaths_max) {
        return false;
    }
    for (uint32_t i = 1; i < backoff->quick_deaths && wait_ms < options->longest_ms; i++) {
        wait_ms *= 2;
    }
    *ret_wait_ms = wait_ms < options->longest_ms ? wait_ms : options->longest_ms;
    return true;
}
