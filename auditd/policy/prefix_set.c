#include "auditd/policy/prefix_set.h"

#include <assert.h>
#include <stdlib.h>

struct range {
    struct addr first;
    struct addr last;
};

/* Ranges ascend and do not touch each other's addresses. */
struct prefix_set {
    size_t count;
    struct range ranges[];
};

static int compare_ranges(const void *a, const void *b)
{
    return addr_compare_value(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

/* Prefixes nest or are apart: one that begins within the last is a part of it. */
static size_t merge(struct range *ranges, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || addr_compare_value(&ranges[i].first, &ranges[kept - 1].last) > 0) {
            ranges[kept++] = ranges[i];
        } else if (addr_compare_value(&ranges[i].last, &ranges[kept - 1].last) > 0) {
            ranges[kept - 1].last = ranges[i].last;
        }
    }
    return kept;
}

struct prefix_set *prefix_set_create(const struct prefix *prefixes, size_t count)
{
    struct prefix_set *set = calloc(1, sizeof(*set) + count * sizeof(set->ranges[0]));

    if (set == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        set->ranges[i] = (struct range){prefixes[i].addr, prefix_last(&prefixes[i])};
    }
    qsort(set->ranges, count, sizeof(set->ranges[0]), compare_ranges);
    set->count = merge(set->ranges, count);
    return set;
}

void prefix_set_destroy(struct prefix_set *set)
{
    free(set);
}

/* The range that begins at the address or before it; NULL when there is none. */
static const struct range *find_range(const struct prefix_set *set, const struct addr *addr)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare_value(&set->ranges[middle].first, addr) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &set->ranges[low - 1] : NULL;
}

bool prefix_set_has(const struct prefix_set *set, const struct addr *addr)
{
    const struct range *range = find_range(set, addr);

    return range != NULL && addr_compare_value(addr, &range->last) <= 0;
}

bool prefix_set_covers(const struct prefix_set *outer, const struct prefix_set *inner)
{
    for (size_t i = 0; i < inner->count; i++) {
        const struct range *range = find_range(outer, &inner->ranges[i].first);
        if (range == NULL || addr_compare_value(&inner->ranges[i].last, &range->last) > 0) {
            return false;
        }
    }
    return true;
}

struct addr prefix_set_first(const struct prefix_set *set)
{
    assert(set->count > 0);
    return set->ranges[0].first;
}
