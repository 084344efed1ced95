/* Deadlines of a fixed set of things, the earliest first: a binary heap that knows where each thing stands in it, so
 * that one can be taken out before its time. Pure. */
#ifndef LEASTPORT_SCANNER_TIMERS_H
#define LEASTPORT_SCANNER_TIMERS_H

#include "lib/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct timers;

/* For things 0 to `count` - 1, none set. NULL when out of memory. The caller owns the result. */
struct timers *timers_create(uint32_t count);
void timers_destroy(struct timers *timers);

/* Sets the deadline, or moves it. O(log set). */
void timers_set(struct timers *timers, uint32_t thing, struct mono_time deadline);
/* Takes it out; nothing happens when it is not set. */
void timers_clear(struct timers *timers, uint32_t thing);
/* False when none is set. */
bool timers_first(const struct timers *timers, uint32_t *ret_thing, struct mono_time *ret_deadline);

#endif
