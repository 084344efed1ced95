#include "scanner/raw/slots.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* Counters only grow, so that a column has one writer; the bookkeeper remembers what it has seen of their sum. */
struct slots {
    uint32_t senders;
    uint64_t next;
    uint64_t aimed_until;
    uint64_t aims[SLOTS_KEPT];
    uint32_t answered[SLOTS_KEPT];
    uint32_t seen[SLOTS_KEPT];
    _Atomic uint32_t sent[]; /* SLOTS_KEPT a sender */
};

struct slots *slots_create(uint32_t senders)
{
    struct slots *slots = calloc(1, sizeof(*slots) + (size_t)senders * SLOTS_KEPT * sizeof(slots->sent[0]));

    if (slots != NULL) {
        slots->senders = senders;
    }
    return slots;
}

void slots_destroy(struct slots *slots)
{
    free(slots);
}

void slots_sent(struct slots *slots, uint32_t sender, uint64_t sent_us, uint32_t count)
{
    _Atomic uint32_t *counter =
        &slots->sent[(size_t)sender * SLOTS_KEPT + (size_t)((sent_us >> SLOTS_US_SHIFT) % SLOTS_KEPT)];

    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count, memory_order_relaxed);
}

void slots_answered(struct slots *slots, uint64_t sent_us)
{
    uint64_t slot = sent_us >> SLOTS_US_SHIFT;

    if (slot >= slots->next && slot < slots->next + SLOTS_KEPT) {
        slots->answered[slot % SLOTS_KEPT]++;
    }
}

static uint32_t sent_ever(const struct slots *slots, uint64_t slot)
{
    uint32_t sum = 0;

    for (uint32_t sender = 0; sender < slots->senders; sender++) {
        sum += atomic_load_explicit(&slots->sent[(size_t)sender * SLOTS_KEPT + (size_t)(slot % SLOTS_KEPT)],
                                    memory_order_relaxed);
    }
    return sum;
}

void slots_take(struct slots *slots, uint64_t count)
{
    for (; count > 0; count--) {
        uint64_t at = slots->next % SLOTS_KEPT;
        slots->seen[at] = sent_ever(slots, slots->next);
        slots->answered[at] = 0;
        slots->next++;
    }
}

/* So late that slots would mean two times at once: what was not looked at is forgotten. */
static void skip_to(struct slots *slots, uint64_t slot)
{
    if (slot - slots->next > SLOTS_KEPT) {
        slots->next = slot - SLOTS_KEPT;
    }
    slots_take(slots, slot - slots->next);
}

void slots_aim(struct slots *slots, uint64_t now_us, uint64_t before_pps, uint64_t after_pps)
{
    uint64_t now = now_us >> SLOTS_US_SHIFT;

    if (now >= slots->next + SLOTS_KEPT / 2 + SLOTS_KEPT / 4) {
        skip_to(slots, now);
    }
    for (; slots->aimed_until <= now; slots->aimed_until++) {
        if (now - slots->aimed_until < SLOTS_KEPT) {
            slots->aims[slots->aimed_until % SLOTS_KEPT] = before_pps;
        }
    }
    if (before_pps != after_pps) {
        slots->aims[now % SLOTS_KEPT] = 0;
    }
}

uint64_t slots_next(const struct slots *slots)
{
    return slots->next;
}

bool slots_peek(const struct slots *slots, uint64_t most, uint64_t end, struct slots_sum *ret_sum)
{
    struct slots_sum sum = {0};
    uint64_t slot = slots->next;

    assert(most >= 1);
    if (slot >= end) {
        return false;
    }
    sum.aimed_pps = slots->aims[slot % SLOTS_KEPT];
    for (; sum.slots < most && slot < end && slots->aims[slot % SLOTS_KEPT] == sum.aimed_pps; slot++) {
        uint32_t answered = slots->answered[slot % SLOTS_KEPT];
        uint32_t sent = sent_ever(slots, slot) - slots->seen[slot % SLOTS_KEPT];
        sum.sent += sent;
        sum.answered += answered < sent ? answered : sent;
        sum.slots++;
    }
    *ret_sum = sum;
    return true;
}
