#include "scanner/timers.h"

#include <assert.h>
#include <stdlib.h>

static const uint32_t ABSENT = UINT32_MAX;

struct entry {
    uint64_t deadline_ns;
    uint32_t thing;
};

struct timers {
    uint32_t count;
    uint32_t set;
    struct entry *heap;
    uint32_t *place; /* of each thing in the heap, or ABSENT */
};

struct timers *timers_create(uint32_t count)
{
    struct timers *timers = calloc(1, sizeof(*timers));

    if (timers == NULL) {
        return NULL;
    }
    timers->count = count;
    timers->heap = calloc((size_t)count + 1, sizeof(*timers->heap));
    timers->place = malloc(((size_t)count + 1) * sizeof(*timers->place));
    if (timers->heap == NULL || timers->place == NULL) {
        timers_destroy(timers);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        timers->place[i] = ABSENT;
    }
    return timers;
}

void timers_destroy(struct timers *timers)
{
    if (timers == NULL) {
        return;
    }
    free(timers->heap);
    free(timers->place);
    free(timers);
}

static void put(struct timers *timers, uint32_t at, struct entry entry)
{
    timers->heap[at] = entry;
    timers->place[entry.thing] = at;
}

static void sift(struct timers *timers, uint32_t at, struct entry entry)
{
    while (at > 0 && timers->heap[(at - 1) / 2].deadline_ns > entry.deadline_ns) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < timers->set && timers->heap[child + 1].deadline_ns < timers->heap[child].deadline_ns) {
            child++;
        }
        if (child >= timers->set || timers->heap[child].deadline_ns >= entry.deadline_ns) {
            break;
        }
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, entry);
}

void timers_set(struct timers *timers, uint32_t thing, struct mono_time deadline)
{
    uint32_t at;

    assert(thing < timers->count);
    at = timers->place[thing];
    if (at == ABSENT) {
        at = timers->set++;
    }
    sift(timers, at, (struct entry){.deadline_ns = deadline.ns, .thing = thing});
}

void timers_clear(struct timers *timers, uint32_t thing)
{
    uint32_t at = timers->place[thing];
    struct entry last;

    if (at == ABSENT) {
        return;
    }
    timers->place[thing] = ABSENT;
    last = timers->heap[--timers->set];
    if (at < timers->set) {
        sift(timers, at, last);
    }
}

bool timers_first(const struct timers *timers, uint32_t *ret_thing, struct mono_time *ret_deadline)
{
    if (timers->set == 0) {
        return false;
    }
    *ret_thing = timers->heap[0].thing;
    ret_deadline->ns = timers->heap[0].deadline_ns;
    return true;
}
