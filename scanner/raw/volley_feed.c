#include "scanner/raw/volley_inner.h"

#include <stddef.h>

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The n-th probe of the host in an order that asks no two neighbours in a row: steps of about the golden section. */
static uint32_t fed_probe(struct volley *volley, uint32_t host, uint32_t n)
{
    uint32_t size = host_size(volley, host);
    uint32_t step = (uint32_t)((uint64_t)size * 618034 / 1000000) | 1;

    while (common_divisor(size, step) != 1) {
        step++;
    }
    return slab_host(volley->options.slab, host)->first_probe + (uint32_t)(((uint64_t)n + 1) * step % size);
}

/* Its next probe that nobody has claimed in this round; false when there is none. */
static bool next_fed(struct volley *volley, uint32_t host, struct feed_item *item)
{
    struct volley_host *entry = &volley->hosts[host];
    uint32_t size = host_size(volley, host);

    while (entry->fed < size) {
        uint32_t probe = fed_probe(volley, host, entry->fed++);
        uint32_t place = place_of(volley, probe);
        uint64_t had = 0;
        if (place != NOWHERE) {
            had = atomic_fetch_and_explicit(&volley->todo[place / WORD_BITS], ~bit_of(place), memory_order_relaxed);
        }
        if (place == NOWHERE || (had & bit_of(place)) == 0) {
            continue;
        }
        if (!is_over(volley, place)) {
            *item = (struct feed_item){.place = place, .probe = probe, .host = host};
            return true;
        }
        volley->own_gone++;
    }
    return false;
}

void volley_feed_again(struct volley *volley, uint32_t host)
{
    uint64_t early = volley->options.host_rate.tolerance_ns + FEED_AHEAD_NS;
    uint64_t due = volley->hosts[host].due_ns;

    timers_set(volley->timers, host, (struct mono_time){due > early ? due - early : 0});
}

/* False when the senders are too far behind to be handed more. */
bool volley_feed_host(struct volley *volley, uint32_t host, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];
    uint64_t tolerance = volley->options.host_rate.tolerance_ns;
    struct feed_item item;
    uint16_t *fed;
    uint64_t slot;
    uint64_t leaves = entry->due_ns > tolerance ? entry->due_ns - tolerance : 0;

    if (now.ns > TICK_NS && feed_due_ns(volley->feed) < now.ns - TICK_NS) {
        return false;
    }
    if (!next_fed(volley, host, &item)) {
        timers_clear(volley->timers, host);
        return true;
    }
    item.not_before_ns = leaves > now.ns ? leaves : now.ns;
    if (!feed_put(volley->feed, &item)) {
        entry->fed--;
        atomic_fetch_or_explicit(&volley->todo[item.place / WORD_BITS], bit_of(item.place), memory_order_relaxed);
        return false;
    }
    entry->due_ns = (entry->due_ns > item.not_before_ns ? entry->due_ns : item.not_before_ns) + entry->limit_ns;
    slot = now_us(volley, (struct mono_time){item.not_before_ns}) >> SLOTS_US_SHIFT;
    fed = &entry->window_fed[slot >= volley->cut ? volley->cut_parity ^ 1 : volley->cut_parity];
    *fed = (uint16_t)(*fed + (*fed < UINT16_MAX ? 1 : 0));
    volley_feed_again(volley, host);
    return true;
}

void volley_set_limit(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now)
{
    enum { LIMIT_LEAST_NS = 10000, LIMIT_MOST_NS = 500000000 };
    static const uint64_t REST_NS = UINT64_C(20) * 1000 * 1000 * 1000;
    struct volley_host *entry = &volley->hosts[host];
    uint64_t most = entry->left > 0 ? REST_NS / entry->left : LIMIT_MOST_NS;
    bool fresh = entry->limit_ns == 0;

    /* However slow: what is left of a pass ends within 20 s. */
    limit_ns = limit_ns < most ? limit_ns : most;
    limit_ns = limit_ns < LIMIT_MOST_NS ? limit_ns : LIMIT_MOST_NS;
    limit_ns = limit_ns > LIMIT_LEAST_NS ? limit_ns : LIMIT_LEAST_NS;
    if (limit_ns < volley->options.host_rate.interval_ns) {
        limit_ns = volley->options.host_rate.interval_ns;
    }
    entry->limit_ns = (uint32_t)(limit_ns < GAP_OUT ? limit_ns : GAP_OUT - 1);
    if (entry->stage != HOST_ASKED) {
        return;
    }
    atomic_store_explicit(&entry->gap_ns, entry->limit_ns, memory_order_relaxed);
    atomic_store_explicit(&volley->watched, true, memory_order_relaxed);
    if (fresh && volley->sending) {
        entry->fed = 0;
        entry->due_ns = now.ns + entry->limit_ns;
        volley_feed_again(volley, host);
    }
}

void volley_ease_host(struct volley *volley, uint32_t host, uint64_t limit_ns, struct mono_time now)
{
    struct volley_host *entry = &volley->hosts[host];

    volley_set_limit(volley, host, limit_ns, now);
    if (!entry->was_eased) {
        entry->was_eased = true;
        volley->options.listener.host_eased(volley->options.listener.context, host);
    }
}
