/* A queue of numbers between two threads: one puts, the other takes, neither waits for a lock. Says when the taker
 * sleeps and has to be woken; how it sleeps and who wakes it is not its affair. What the number stands for is handed
 * over with it: whatever the putter wrote before ring_publish(), the taker sees after ring_take(). */
#ifndef LEASTPORT_SCANNER_RING_H
#define LEASTPORT_SCANNER_RING_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct ring;

/* Room for `least` numbers or a few more, at most 2^31. NULL when out of memory. */
struct ring *ring_create(uint32_t least);
void ring_destroy(struct ring *ring);

/* By the putter. There has to be room. The number waits until ring_publish(). */
void ring_put(struct ring *ring, uint32_t number);
/* True when the taker has to be woken. */
MUST_USE bool ring_publish(struct ring *ring);
/* How many were put and not taken yet. */
uint32_t ring_waiting(const struct ring *ring);
/* How many were put since the beginning, modulo 2^32: what ring_has_left() is asked with. */
uint32_t ring_position(const struct ring *ring);
/* Whether the number that was put at that position, at most 2^31 positions ago, has been taken. */
bool ring_has_left(const struct ring *ring, uint32_t position);

/* By the taker. False when nothing is there. */
MUST_USE bool ring_take(struct ring *ring, uint32_t *ret_number);
/* True: from now on ring_publish() asks for a wake-up, so the taker may sleep; false: there is something to take. */
MUST_USE bool ring_doze(struct ring *ring);
/* No more wake-ups. One that was asked for may still come. */
void ring_rouse(struct ring *ring);

#endif
