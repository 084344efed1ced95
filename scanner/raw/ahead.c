#include "scanner/raw/ahead.h"

#include <errno.h>
#include <stdlib.h>

struct batch {
    struct neighbours *asked; /* NULL: there is none */
    struct mono_time begun;
    bool used; /* by the slab at hand */
};

struct ahead {
    struct ahead_options options;
    struct batch batches[AHEAD_BATCHES]; /* the older first */
    struct addr last;                    /* of the newest */
};

struct ahead *ahead_create(const struct ahead_options *options)
{
    struct ahead *ahead = calloc(1, sizeof(*ahead));

    if (ahead != NULL) {
        ahead->options = *options;
    }
    return ahead;
}

void ahead_destroy(struct ahead *ahead)
{
    if (ahead != NULL) {
        ahead_forget(ahead);
        free(ahead);
    }
}

static void drop_older(struct ahead *ahead)
{
    neighbours_destroy(ahead->batches[0].asked);
    ahead->batches[0] = ahead->batches[1];
    ahead->batches[1] = (struct batch){0};
}

void ahead_forget(struct ahead *ahead)
{
    drop_older(ahead);
    drop_older(ahead);
}

static bool is_old(const struct batch *batch, struct mono_time now)
{
    return batch->asked != NULL && mono_elapsed_ns(batch->begun, now) > UINT64_C(1000000000) * AHEAD_AGE_S;
}

void ahead_begin(struct ahead *ahead, struct mono_time now)
{
    if (is_old(&ahead->batches[1], now)) {
        ahead_forget(ahead);
    } else if (is_old(&ahead->batches[0], now)) {
        drop_older(ahead);
    }
    ahead->batches[0].used = false;
    ahead->batches[1].used = false;
}

bool ahead_find(struct ahead *ahead, uint32_t link, const struct addr *addr, const uint8_t **ret_mac)
{
    for (size_t i = 0; i < AHEAD_BATCHES; i++) {
        struct batch *batch = &ahead->batches[i];
        int64_t number = batch->asked != NULL ? neighbours_find(batch->asked, link, addr) : -1;
        if (number >= 0) {
            batch->used = true;
            *ret_mac = neighbours_mac(batch->asked, number);
            return true;
        }
    }
    return false;
}

/* The first range that ends behind `addr`. */
static size_t range_behind(const struct space *space, const struct addr *addr)
{
    size_t low = 0;
    size_t high = space_ranges(space);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct addr first;
        struct addr last;
        space_range(space, middle, &first, &last);
        if (addr_compare(&last, addr) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* From `at` to `end` as far as they are on link and there is room. 1: there may be more behind. */
static int add_range(struct ahead *ahead, struct neighbours *asked, uint32_t *count, struct addr at,
                     const struct addr *end)
{
    struct neighbour_question question;
    struct addr last;
    bool known = false;

    for (; *count < AHEAD_HOSTS; (*count)++) {
        if ((!known || addr_compare(&at, &last) > 0) &&
            !ahead->options.on_link(ahead->options.context, &at, &question, &last)) {
            return 0;
        }
        known = true;
        question.addr = at;
        question.addr.zone = 0;
        if (neighbours_add(asked, &question) < 0) {
            return -ENOMEM;
        }
        ahead->last = at;
        if (addr_compare(&at, end) >= 0 || !addr_add(&at, 1)) {
            (*count)++;
            return 1;
        }
    }
    return 0;
}

static int fill(struct ahead *ahead, struct batch *batch, const struct addr *after)
{
    const struct space *space = ahead->options.space;
    size_t range = range_behind(space, after);
    struct neighbours *asked = neighbours_create(ahead->options.pacer);
    uint32_t count = 0;
    int rc = asked == NULL ? -ENOMEM : 1;

    for (; rc > 0 && range < space_ranges(space); range++) {
        struct addr first;
        struct addr last;
        space_range(space, range, &first, &last);
        if (addr_compare(&first, after) <= 0) {
            first = *after;
            if (!addr_add(&first, 1)) {
                continue;
            }
        }
        rc = add_range(ahead, asked, &count, first, &last);
    }
    if (rc < 0 || count == 0) {
        neighbours_destroy(asked);
        return rc < 0 ? rc : 0;
    }
    batch->asked = asked;
    return 0;
}

/* One batch more than the slab is in. */
int ahead_follow(struct ahead *ahead, const struct addr *last, struct mono_time now)
{
    struct batch *batch;
    struct addr after = *last;
    int rc;

    if (!ahead->batches[0].used) {
        drop_older(ahead);
    }
    if (!ahead->batches[0].used) {
        drop_older(ahead);
    }
    if (ahead->batches[1].asked != NULL) {
        return 0;
    }
    batch = &ahead->batches[ahead->batches[0].asked != NULL ? 1 : 0];
    if (ahead->batches[0].asked != NULL && addr_compare(&ahead->last, last) > 0) {
        after = ahead->last;
    }
    rc = fill(ahead, batch, &after);
    batch->begun = now;
    return rc;
}

bool ahead_is_done(const struct ahead *ahead, struct mono_time now)
{
    for (size_t i = 0; i < AHEAD_BATCHES; i++) {
        if (ahead->batches[i].used && !neighbours_done(ahead->batches[i].asked, now)) {
            return false;
        }
    }
    return true;
}

bool ahead_next(struct ahead *ahead, struct mono_time now, struct neighbour_question *ret_question)
{
    for (size_t i = 0; i < AHEAD_BATCHES; i++) {
        if (ahead->batches[i].asked != NULL && neighbours_next(ahead->batches[i].asked, now, ret_question)) {
            return true;
        }
    }
    return false;
}

void ahead_learn(struct ahead *ahead, uint32_t link, const struct addr *addr, const uint8_t mac[ROUTE_MAC])
{
    for (size_t i = 0; i < AHEAD_BATCHES; i++) {
        if (ahead->batches[i].asked != NULL) {
            neighbours_learn(ahead->batches[i].asked, link, addr, mac);
        }
    }
}

struct mono_time ahead_wakeup(const struct ahead *ahead, struct mono_time now)
{
    struct mono_time first = {.ns = UINT64_MAX};

    for (size_t i = 0; i < AHEAD_BATCHES; i++) {
        const struct neighbours *asked = ahead->batches[i].asked;
        if (asked != NULL && !neighbours_done(asked, now)) {
            struct mono_time due = neighbours_wakeup(asked);
            first = due.ns < first.ns ? due : first;
        }
    }
    return first;
}
