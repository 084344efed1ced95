#include "scanner/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { LINE = 64 };

/* What each side writes stands a cache line apart, so that the lines travel only when the other side asks. */
struct ring {
    uint32_t mask;
    uint32_t *numbers;
    unsigned char apart_from_tail[LINE];
    _Atomic uint32_t tail; /* the putter's: all before it is published */
    uint32_t put;          /* all before it is put */
    uint32_t left;         /* the head when it last looked */
    unsigned char apart_from_head[LINE];
    _Atomic uint32_t head; /* the taker's: all before it is taken */
    uint32_t seen;         /* the tail when it last looked */
    unsigned char apart_from_dozing[LINE];
    atomic_bool dozing;
    unsigned char apart[LINE];
};

struct ring *ring_create(uint32_t least)
{
    struct ring *ring = calloc(1, sizeof(*ring));
    uint32_t room = 1;

    assert(least <= UINT32_C(1) << 31);
    if (ring == NULL) {
        return NULL;
    }
    while (room < least) {
        room *= 2;
    }
    ring->mask = room - 1;
    ring->numbers = calloc(room, sizeof(*ring->numbers));
    if (ring->numbers == NULL) {
        free(ring);
        return NULL;
    }
    return ring;
}

void ring_destroy(struct ring *ring)
{
    if (ring == NULL) {
        return;
    }
    free(ring->numbers);
    free(ring);
}

void ring_put(struct ring *ring, uint32_t number)
{
    if (ring->put - ring->left > ring->mask) {
        ring->left = atomic_load_explicit(&ring->head, memory_order_acquire);
        assert(ring->put - ring->left <= ring->mask);
    }
    ring->numbers[ring->put++ & ring->mask] = number;
}

/* The fence and the one of ring_doze() see to it that either the putter sees the taker doze or the taker sees what was
 * put: each writes its own word before it reads the other's (Dekker's scheme). */
bool ring_publish(struct ring *ring)
{
    if (atomic_load_explicit(&ring->tail, memory_order_relaxed) == ring->put) {
        return false;
    }
    atomic_store_explicit(&ring->tail, ring->put, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&ring->dozing, memory_order_relaxed) &&
           atomic_exchange_explicit(&ring->dozing, false, memory_order_relaxed);
}

uint32_t ring_waiting(const struct ring *ring)
{
    return ring->put - atomic_load_explicit(&ring->head, memory_order_acquire);
}

uint32_t ring_position(const struct ring *ring)
{
    return ring->put;
}

bool ring_has_left(const struct ring *ring, uint32_t position)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire) - position - 1 < UINT32_C(1) << 31;
}

bool ring_take(struct ring *ring, uint32_t *ret_number)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head == ring->seen) {
        ring->seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    }
    if (head == ring->seen) {
        return false;
    }
    *ret_number = ring->numbers[head & ring->mask];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

bool ring_doze(struct ring *ring)
{
    atomic_store_explicit(&ring->dozing, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&ring->tail, memory_order_relaxed) ==
        atomic_load_explicit(&ring->head, memory_order_relaxed)) {
        return true;
    }
    ring_rouse(ring);
    return false;
}

void ring_rouse(struct ring *ring)
{
    atomic_store_explicit(&ring->dozing, false, memory_order_relaxed);
}
