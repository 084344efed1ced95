/* How many probes left in each half millisecond, and how many of these were answered: what the closed loop goes by.
 * Senders count into columns of their own. Pure: knows neither rates nor hosts. */
#ifndef LEASTPORT_SCANNER_RAW_SLOTS_H
#define LEASTPORT_SCANNER_RAW_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SLOTS_US_SHIFT = 9, /* a slot lasts 0.512 ms */
    SLOTS_KEPT = 8192,  /* 4.2 s: longer than any time-out */
};

struct slots;

/* NULL when out of memory. The caller owns the result. */
struct slots *slots_create(uint32_t senders);
void slots_destroy(struct slots *slots);

/* A sender's own column: `count` more left at that time. */
void slots_sent(struct slots *slots, uint32_t sender, uint64_t sent_us, uint32_t count);

/* The bookkeeper's, all that follows. An answer to a probe that left then; one that comes after its slot was taken is
 * not counted. */
void slots_answered(struct slots *slots, uint64_t sent_us);
/* The rate that was set in the slots up to this one since the call before; a slot in which it changed belongs to none.
 */
void slots_aim(struct slots *slots, uint64_t now_us, uint64_t before_pps, uint64_t after_pps);

struct slots_sum {
    uint64_t sent;
    uint64_t answered;
    uint64_t slots;
    uint64_t aimed_pps; /* 0: the rate changed meanwhile */
};

/* The slot that is taken next. */
uint64_t slots_next(const struct slots *slots);
/* Adds up slots of one aimed rate in a row, `most` at most and none that stands at or after `end`. False when there is
 * none. */
bool slots_peek(const struct slots *slots, uint64_t most, uint64_t end, struct slots_sum *ret_sum);
/* Takes so many: each is taken once. */
void slots_take(struct slots *slots, uint64_t count);

#endif
