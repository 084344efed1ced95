#include "scanner/portpool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct portpool_run {
    uint16_t first;
    uint16_t last;
    uint32_t before; /* ports in the runs before this one */
};

struct portpool_set {
    uint64_t hash;
    uint32_t count;
    uint32_t run_count;
    struct portpool_run *runs;
};

struct portpool {
    struct portpool_set *sets;
    size_t count;
    size_t room;
};

struct portpool *portpool_create(void)
{
    return calloc(1, sizeof(struct portpool));
}

void portpool_destroy(struct portpool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->count; i++) {
        free(pool->sets[i].runs);
    }
    free(pool->sets);
    free(pool);
}

/* Fills `runs` when it is not NULL; returns how many there are. */
static uint32_t portpool_walk(const struct portset *set, struct portpool_run *runs)
{
    uint32_t run_count = 0;
    uint32_t before = 0;
    int32_t first = portset_next(set, 0);

    while (first >= 0) {
        uint32_t last = portset_run_end(set, (uint16_t)first);
        if (runs != NULL) {
            runs[run_count] = (struct portpool_run){(uint16_t)first, (uint16_t)last, before};
        }
        run_count++;
        before += last - (uint32_t)first + 1;
        first = portset_next(set, last + 1);
    }
    return run_count;
}

static uint64_t portpool_hash(const struct portpool_run *runs, uint32_t run_count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (uint32_t i = 0; i < run_count; i++) {
        hash = (hash ^ ((uint64_t)runs[i].first << 16 | runs[i].last)) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static int portpool_grow(struct portpool *pool)
{
    size_t room = pool->room == 0 ? 8 : pool->room * 2;
    struct portpool_set *sets = realloc(pool->sets, room * sizeof(*sets));

    if (sets == NULL) {
        return -ENOMEM;
    }
    pool->sets = sets;
    pool->room = room;
    return 0;
}

int portpool_intern(struct portpool *pool, const struct portset *set, uint32_t *ret_id)
{
    struct portpool_set new = {.count = portset_count(set), .run_count = portpool_walk(set, NULL)};

    if (pool->count == pool->room && portpool_grow(pool) < 0) {
        return -ENOMEM;
    }
    new.runs = calloc(new.run_count + 1, sizeof(*new.runs));
    if (new.runs == NULL) {
        return -ENOMEM;
    }
    portpool_walk(set, new.runs);
    new.hash = portpool_hash(new.runs, new.run_count);
    for (size_t i = 0; i < pool->count; i++) {
        const struct portpool_set *old = &pool->sets[i];
        if (old->hash == new.hash &&
            old->run_count == new.run_count &&memcmp(old->runs, new.runs, new.run_count * sizeof(*new.runs)) == 0) {
            free(new.runs);
            *ret_id = (uint32_t)i;
            return 0;
        }
    }
    pool->sets[pool->count] = new;
    *ret_id = (uint32_t)pool->count++;
    return 0;
}

size_t portpool_size(const struct portpool *pool)
{
    return pool->count;
}

uint32_t portpool_count(const struct portpool *pool, uint32_t id)
{
    return pool->sets[id].count;
}

uint16_t portpool_port(const struct portpool *pool, uint32_t id, uint32_t index)
{
    const struct portpool_set *set = &pool->sets[id];
    uint32_t low = 0;
    uint32_t high = set->run_count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (set->runs[middle].before <= index) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return (uint16_t)(set->runs[low].first + (index - set->runs[low].before));
}

int32_t portpool_find(const struct portpool *pool, uint32_t id, uint16_t port)
{
    const struct portpool_set *set = &pool->sets[id];
    uint32_t low = 0;
    uint32_t high = set->run_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->runs[middle].last < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == set->run_count || set->runs[low].first > port) {
        return -1;
    }
    return (int32_t)(set->runs[low].before + (uint32_t)(port - set->runs[low].first));
}

void portpool_add_to(const struct portpool *pool, uint32_t id, struct portset *set)
{
    for (uint32_t i = 0; i < pool->sets[id].run_count; i++) {
        portset_add_range(set, pool->sets[id].runs[i].first, pool->sets[id].runs[i].last);
    }
}

void portpool_remove_from(const struct portpool *pool, uint32_t id, struct portset *set)
{
    for (uint32_t i = 0; i < pool->sets[id].run_count; i++) {
        for (uint32_t port = pool->sets[id].runs[i].first; port <= pool->sets[id].runs[i].last; port++) {
            portset_remove(set, (uint16_t)port);
        }
    }
}
