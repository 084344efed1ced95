#include "auditd/reach/span.h"

#include <stdlib.h>
#include <string.h>

void span_set_done(struct span_set *set)
{
    free(set->items);
    *set = (struct span_set){0};
}

/* Takes `items`. */
static void span_set_become(struct span_set *set, struct span *items, size_t count, bool failed)
{
    free(set->items);
    *set = (struct span_set){.items = items, .count = count, .failed = failed};
}

/* Room for `count` spans; NULL marks the set as failed and empties it. */
static struct span *span_room(struct span_set *set, size_t count)
{
    struct span *items = calloc(count, sizeof(*items));

    if (items == NULL) {
        span_set_become(set, NULL, 0, true);
    }
    return items;
}

/* Appends where the spans come sorted by their begin; those that touch become one. */
static size_t span_append(struct span *items, size_t count, struct span span)
{
    struct span *last = count == 0 ? NULL : &items[count - 1];

    if (last != NULL && (span.first <= last->last || span.first - 1 == last->last)) {
        last->last = span.last > last->last ? span.last : last->last;
        return count;
    }
    items[count] = span;
    return count + 1;
}

void span_set_or(struct span_set *set, const struct span_set *other)
{
    bool failed = set->failed || other->failed;
    struct span *items;
    size_t count = 0;

    if (other->count == 0) {
        set->failed = failed;
        return;
    }
    items = span_room(set, set->count + other->count);
    if (items == NULL) {
        return;
    }
    for (size_t i = 0, j = 0; i < set->count || j < other->count;) {
        bool mine = j == other->count || (i < set->count && set->items[i].first <= other->items[j].first);
        count = span_append(items, count, mine ? set->items[i++] : other->items[j++]);
    }
    span_set_become(set, items, count, failed);
}

void span_set_and(struct span_set *set, const struct span_set *other)
{
    bool failed = set->failed || other->failed;
    struct span *items;
    size_t count = 0;

    if (set->count == 0) {
        set->failed = failed;
        return;
    }
    items = span_room(set, set->count + other->count);
    if (items == NULL) {
        return;
    }
    for (size_t i = 0, j = 0; i < set->count && j < other->count;) {
        const struct span *a = &set->items[i];
        const struct span *b = &other->items[j];
        span_value first = a->first > b->first ? a->first : b->first;
        span_value last = a->last < b->last ? a->last : b->last;
        if (first <= last) {
            items[count++] = (struct span){first, last};
        }
        if (a->last < b->last) {
            i++;
        } else {
            j++;
        }
    }
    span_set_become(set, items, count, failed);
}

/* What is left of `span` behind the spans of `other` from *at on, which is moved past those that lie before it. */
static size_t span_cut(struct span span, const struct span_set *other, size_t *at, struct span *ret_items)
{
    size_t count = 0;

    while (*at < other->count && other->items[*at].last < span.first) {
        (*at)++;
    }
    for (size_t j = *at; j < other->count && other->items[j].first <= span.last; j++) {
        if (other->items[j].first > span.first) {
            ret_items[count++] = (struct span){span.first, other->items[j].first - 1};
        }
        if (other->items[j].last >= span.last) {
            return count;
        }
        span.first = other->items[j].last + 1;
    }
    ret_items[count++] = span;
    return count;
}

void span_set_minus(struct span_set *set, const struct span_set *other)
{
    bool failed = set->failed || other->failed;
    struct span *items;
    size_t count = 0;
    size_t at = 0;

    if (set->count == 0 || other->count == 0) {
        set->failed = failed;
        return;
    }
    items = span_room(set, set->count + other->count + 1);
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        count += span_cut(set->items[i], other, &at, items + count);
    }
    span_set_become(set, items, count, failed);
}

void span_set_copy(struct span_set *set, const struct span_set *other)
{
    struct span *items;

    if (other->count == 0) {
        span_set_become(set, NULL, 0, other->failed);
        return;
    }
    items = span_room(set, other->count);
    if (items == NULL) {
        return;
    }
    memcpy(items, other->items, other->count * sizeof(*items));
    span_set_become(set, items, other->count, other->failed);
}

void span_set_trim(struct span_set *set)
{
    struct span *items;

    if (set->count == 0) {
        span_set_become(set, NULL, 0, set->failed);
        return;
    }
    /* A smaller block that cannot be had is no fault: the larger one stays. */
    items = realloc(set->items, set->count * sizeof(*items));
    set->items = items == NULL ? set->items : items;
}

struct span_set span_set_of(struct span *span)
{
    return (struct span_set){.items = span, .count = 1};
}

static int span_order(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;

    return (left->first > right->first) - (left->first < right->first);
}

void span_set_add_all(struct span_set *set, struct span *spans, size_t count)
{
    struct span_set all = {.items = spans};

    if (count == 0) {
        return;
    }
    qsort(spans, count, sizeof(*spans), span_order);
    for (size_t i = 0; i < count; i++) {
        all.count = span_append(spans, all.count, spans[i]);
    }
    span_set_or(set, &all);
}

void span_set_add(struct span_set *set, struct span span)
{
    struct span_set one = span_set_of(&span);

    span_set_or(set, &one);
}

void span_set_add_prefix(struct span_set *set, const struct prefix *prefix)
{
    span_set_add(set, span_of_prefix(prefix));
}

bool span_set_has(const struct span_set *set, span_value value)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].last < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->items[low].first <= value;
}

bool span_set_equal(const struct span_set *a, const struct span_set *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].first != b->items[i].first || a->items[i].last != b->items[i].last) {
            return false;
        }
    }
    return true;
}

bool span_set_meets(const struct span_set *a, const struct span_set *b)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (a->items[i].last < b->items[j].first) {
            i++;
        } else if (b->items[j].last < a->items[i].first) {
            j++;
        } else {
            return true;
        }
    }
    return false;
}

double span_set_size(const struct span_set *set)
{
    double size = 0;

    for (size_t i = 0; i < set->count; i++) {
        size += (double)(set->items[i].last - set->items[i].first) + 1;
    }
    return size;
}

struct span span_all(bool is_ipv6)
{
    return (struct span){0, is_ipv6 ? ~(span_value)0 : UINT32_MAX};
}

span_value span_value_of(const struct addr *addr)
{
    span_value value = 0;

    for (size_t i = 0; i < (addr->is_ipv6 ? 16U : 4U); i++) {
        value = value << 8 | addr->bytes[i];
    }
    return value;
}

struct addr span_addr(span_value value, bool is_ipv6)
{
    struct addr addr = {.is_ipv6 = is_ipv6};

    for (size_t i = is_ipv6 ? 16 : 4; i-- > 0; value >>= 8) {
        addr.bytes[i] = (uint8_t)(value & 0xff);
    }
    return addr;
}

struct span span_of_prefix(const struct prefix *prefix)
{
    unsigned width = prefix->addr.is_ipv6 ? 128 : 32;
    span_value first = span_value_of(&prefix->addr);
    span_value all = span_all(prefix->addr.is_ipv6).last;

    return (struct span){first, prefix->bits == 0 ? all : first | (((span_value)1 << (width - prefix->bits)) - 1)};
}

struct prefix span_head(const struct span *span, bool is_ipv6)
{
    struct prefix prefix = {.addr = span_addr(span->first, is_ipv6), .bits = is_ipv6 ? 128 : 32};

    while (prefix.bits > 0) {
        struct prefix wider = {.addr = prefix.addr, .bits = (uint8_t)(prefix.bits - 1)};
        unsigned host_bits = (is_ipv6 ? 128U : 32U) - wider.bits;
        /* All of the family has 2^128 addresses, one more than fit. */
        span_value more = host_bits == 128 ? ~(span_value)0 : ((span_value)1 << host_bits) - 1;
        if ((span->first & more) != 0 || span->last - span->first < more) {
            break;
        }
        prefix = wider;
    }
    return prefix;
}
