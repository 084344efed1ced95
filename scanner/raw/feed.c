#include "scanner/raw/feed.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

_Static_assert((FEED_ROOM & (FEED_ROOM - 1)) == 0, "positions wrap by a mask");

/* Each field is atomic because a taker that comes too late reads a slot while it is filled anew; it then notices at the
 * head that it came too late, and forgets what it read. */
struct slot {
    _Atomic uint64_t not_before_ns;
    _Atomic uint32_t place;
    _Atomic uint32_t probe;
    _Atomic uint32_t host;
};

/* `head` and `tail` count all items ever, so that they name a slot and its turn. Each on a cache line of its own. */
struct feed {
    _Atomic uint64_t head;
    uint8_t apart[64 - sizeof(uint64_t)];
    _Atomic uint64_t tail;
    uint8_t aside[64 - sizeof(uint64_t)];
    struct slot slots[FEED_ROOM];
};

struct feed *feed_create(void)
{
    return calloc(1, sizeof(struct feed));
}

void feed_destroy(struct feed *feed)
{
    free(feed);
}

bool feed_put(struct feed *feed, const struct feed_item *item)
{
    uint64_t tail = atomic_load_explicit(&feed->tail, memory_order_relaxed);
    struct slot *slot = &feed->slots[tail % FEED_ROOM];

    if (tail - atomic_load_explicit(&feed->head, memory_order_acquire) >= FEED_ROOM) {
        return false;
    }
    atomic_store_explicit(&slot->not_before_ns, item->not_before_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->place, item->place, memory_order_relaxed);
    atomic_store_explicit(&slot->probe, item->probe, memory_order_relaxed);
    atomic_store_explicit(&slot->host, item->host, memory_order_relaxed);
    atomic_store_explicit(&feed->tail, tail + 1, memory_order_release);
    return true;
}

bool feed_take(struct feed *feed, uint64_t now_ns, struct feed_item *ret_item)
{
    uint64_t head = atomic_load_explicit(&feed->head, memory_order_relaxed);

    while (head < atomic_load_explicit(&feed->tail, memory_order_acquire)) {
        const struct slot *slot = &feed->slots[head % FEED_ROOM];
        struct feed_item item = {
            .not_before_ns = atomic_load_explicit(&slot->not_before_ns, memory_order_relaxed),
            .place = atomic_load_explicit(&slot->place, memory_order_relaxed),
            .probe = atomic_load_explicit(&slot->probe, memory_order_relaxed),
            .host = atomic_load_explicit(&slot->host, memory_order_relaxed),
        };
        if (item.not_before_ns > now_ns) {
            return false;
        }
        if (atomic_compare_exchange_weak_explicit(&feed->head, &head, head + 1, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

uint64_t feed_due_ns(const struct feed *feed)
{
    uint64_t head = atomic_load_explicit(&feed->head, memory_order_relaxed);

    if (head >= atomic_load_explicit(&feed->tail, memory_order_acquire)) {
        return UINT64_MAX;
    }
    return atomic_load_explicit(&feed->slots[head % FEED_ROOM].not_before_ns, memory_order_relaxed);
}
