#include "scanner/scope.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* Zones do not count here: link-local is link-local on every interface. */
struct scope_range {
    struct addr first;
    struct addr last;
};

struct scope_ranges {
    struct scope_range *items;
    size_t count;
};

/* Addresses as numbers of 128 bits; IPv4 has the upper 32, and whatever is below them is of the last address. */
struct scope_stretch {
    uint128 first;
    uint128 last;
};

/* Disjoint, ascending, one table for each family: what all lists together let through. */
struct scope_clear {
    struct scope_stretch *items;
    size_t count;
};

struct scope {
    struct scope_ranges allowed;
    struct scope_ranges within; /* empty: not narrowed */
    struct scope_ranges never;
    struct scope_clear clear[2]; /* by is_ipv6 */
};

static const char *const scope_default_prefixes[] = {
    "127.0.0.0/8",    "::1/128",       /* loopback */
    "10.0.0.0/8",     "172.16.0.0/12", /* RFC 1918 */
    "192.168.0.0/16", "fc00::/7",      /* RFC 1918, RFC 4193 */
    "169.254.0.0/16", "fe80::/10",     /* link-local: RFC 3927, RFC 4291 */
};

static const struct scope_hostless scope_hostless_rows[] = {
    {{{{0}, 0, false}, 32}, "the unspecified address is no host's; for this machine write 127.0.0.1"},
    {{{{0}, 0, true}, 128}, "the unspecified address is no host's; for this machine write ::1"},
    {{{{224}, 0, false}, 4}, "a multicast group is no host; write the hosts' own addresses"},
    {{{{0xff}, 0, true}, 8}, "a multicast group is no host; write the hosts' own addresses"},
    {{{{255, 255, 255, 255}, 0, false}, 32}, "the broadcast address is no host's; write the hosts' own addresses"},
    {{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 0, true}, 96},
     "an IPv4 address in the form of IPv6; write it as IPv4, such as 10.0.0.5"},
};

enum {
    SCOPE_DEFAULT_COUNT = sizeof(scope_default_prefixes) / sizeof(*scope_default_prefixes),
    SCOPE_HOSTLESS_COUNT = sizeof(scope_hostless_rows) / sizeof(*scope_hostless_rows),
};

const struct scope_hostless *scope_hostless_at(size_t index)
{
    return index < SCOPE_HOSTLESS_COUNT ? &scope_hostless_rows[index] : NULL;
}

const struct scope_hostless *scope_hostless_find(const struct addr *addr)
{
    for (size_t i = 0; i < SCOPE_HOSTLESS_COUNT; i++) {
        if (prefix_contains(&scope_hostless_rows[i].prefix, addr)) {
            return &scope_hostless_rows[i];
        }
    }
    return NULL;
}

static int scope_range_compare(const void *left, const void *right)
{
    const struct scope_range *a = left;
    const struct scope_range *b = right;

    return addr_compare(&a->first, &b->first);
}

static void scope_ranges_append(struct scope_ranges *ranges, const struct prefix *prefix)
{
    struct scope_range *range = &ranges->items[ranges->count++];

    range->first = prefix->addr;
    range->first.zone = 0;
    range->last = prefix_last(prefix);
    range->last.zone = 0;
}

/* Sorts; joins what overlaps or touches. */
static void scope_ranges_normalise(struct scope_ranges *ranges)
{
    size_t kept = 0;

    qsort(ranges->items, ranges->count, sizeof(*ranges->items), scope_range_compare);
    for (size_t i = 1; i < ranges->count; i++) {
        struct scope_range *last = &ranges->items[kept];
        struct addr next = last->last;
        bool touches = addr_add(&next, 1) ? addr_compare(&ranges->items[i].first, &next) <= 0
                                          : ranges->items[i].first.is_ipv6 == next.is_ipv6;
        if (!touches) {
            ranges->items[++kept] = ranges->items[i];
        } else if (addr_compare(&ranges->items[i].last, &last->last) > 0) {
            last->last = ranges->items[i].last;
        }
    }
    ranges->count = ranges->count == 0 ? 0 : kept + 1;
}

static int scope_fill(struct scope *scope, const struct scope_options *options)
{
    size_t allowed = options->allowed_count > 0 ? options->allowed_count : options->own_count + SCOPE_DEFAULT_COUNT;

    scope->allowed.items = calloc(allowed, sizeof(*scope->allowed.items));
    scope->never.items = calloc(options->never_count + 1, sizeof(*scope->never.items));
    if (scope->allowed.items == NULL || scope->never.items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < options->allowed_count; i++) {
        scope_ranges_append(&scope->allowed, &options->allowed[i]);
    }
    for (size_t i = 0; options->allowed_count == 0 && i < options->own_count; i++) {
        struct prefix own = {.addr = options->own[i], .bits = options->own[i].is_ipv6 ? 128 : 32};
        scope_ranges_append(&scope->allowed, &own);
    }
    for (size_t i = 0; options->allowed_count == 0 && i < SCOPE_DEFAULT_COUNT; i++) {
        struct prefix prefix;
        int rc = prefix_parse(scope_default_prefixes[i], &prefix);
        if (rc < 0) {
            return rc;
        }
        scope_ranges_append(&scope->allowed, &prefix);
    }
    for (size_t i = 0; i < options->never_count; i++) {
        scope_ranges_append(&scope->never, &options->never[i]);
    }
    scope_ranges_normalise(&scope->allowed);
    scope_ranges_normalise(&scope->never);
    return 0;
}

static int scope_ranges_add(struct scope_ranges *ranges, const struct prefix *prefixes, size_t count)
{
    struct scope_range *items = realloc(ranges->items, (ranges->count + count + 1) * sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    ranges->items = items;
    for (size_t i = 0; i < count; i++) {
        scope_ranges_append(ranges, &prefixes[i]);
    }
    scope_ranges_normalise(ranges);
    return 0;
}

/* The range that holds the address, or NULL. */
static const struct scope_range *scope_find(const struct scope_ranges *ranges, const struct addr *addr)
{
    size_t low = 0;
    size_t high = ranges->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare_value(&ranges->items[middle].last, addr) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < ranges->count && addr_compare_value(&ranges->items[low].first, addr) <= 0) {
        return &ranges->items[low];
    }
    return NULL;
}

/* The smallest prefix that holds both, as text. */
static const char *scope_cover(const struct addr *first, const struct addr *last, char *buffer)
{
    struct prefix prefix = {.addr = *first, .bits = first->is_ipv6 ? 128 : 32};

    prefix.addr.zone = 0;
    for (;;) {
        struct addr plain = *last;
        char text[PREFIX_TEXT_SIZE];
        plain.zone = 0;
        if (prefix_contains(&prefix, &plain) || prefix.bits == 0) {
            return prefix_format(&prefix, buffer);
        }
        prefix.bits--;
        prefix_format(&prefix, text);
        if (prefix_parse(text, &prefix) < 0) {
            return prefix_format(&prefix, buffer);
        }
    }
}

static int scope_refuse(const struct addr *outside, const struct addr *first, const struct addr *last,
                        struct problem *problem)
{
    char text[ADDR_TEXT_SIZE];
    char prefix[PREFIX_TEXT_SIZE];

    if (problem == NULL) {
        return -EPERM;
    }
    return problem_set(problem, -EPERM, "%s is outside the scope; if you may scan it, say --scope %s",
                       addr_format(outside, text), scope_cover(first, last, prefix));
}

/* What the lists say, one after the other. */
static int scope_judge(const struct scope *scope, const struct addr *addr, struct problem *problem)
{
    const struct scope_hostless *hostless = scope_hostless_find(addr);
    char text[ADDR_TEXT_SIZE];

    if (hostless != NULL) {
        return problem_set(problem, -EPERM, "%s: %s", addr_format(addr, text), hostless->hint);
    }
    if (scope_find(&scope->never, addr) != NULL) {
        return problem_set(problem, -EACCES,
                           "%s is on the never-scan list, which no flag overrides; take it off that "
                           "list if it may be scanned",
                           addr_format(addr, text));
    }
    if (scope_find(&scope->allowed, addr) == NULL ||
        (scope->within.count > 0 && scope_find(&scope->within, addr) == NULL)) {
        return scope_refuse(addr, addr, addr, problem);
    }
    return 0;
}

static uint128 scope_number(const struct addr *addr)
{
    uint64_t halves[2];

    memcpy(halves, addr->bytes, sizeof(halves));
    return (uint128)be64toh(halves[0]) << 64 | be64toh(halves[1]);
}

static bool scope_is_clear(const struct scope_clear *clear, uint128 number)
{
    size_t low = 0;
    size_t high = clear->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (clear->items[middle].last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < clear->count && clear->items[low].first <= number;
}

int scope_permits(const struct scope *scope, const struct addr *addr, struct problem *problem)
{
    if (scope_is_clear(&scope->clear[addr->is_ipv6 != 0], scope_number(addr))) {
        return 0;
    }
    return scope_judge(scope, addr, problem);
}

/* Where the verdict may change: at a range's first address, and behind its last. */
static size_t scope_add_edges(struct addr *edges, size_t count, const struct scope_range *range)
{
    struct addr behind = range->last;

    edges[count++] = range->first;
    if (addr_add(&behind, 1)) {
        edges[count++] = behind;
    }
    return count;
}

static int scope_edge_compare(const void *left, const void *right)
{
    return addr_compare(left, right);
}

/* In order; an edge may stand there more than once. */
static int scope_edges(const struct scope *scope, struct addr **ret_edges, size_t *ret_count)
{
    const struct scope_ranges *const lists[] = {&scope->allowed, &scope->within, &scope->never};
    size_t room = SCOPE_HOSTLESS_COUNT;
    size_t count = 0;
    struct addr *edges;

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        room += lists[i]->count;
    }
    edges = calloc(room, 2 * sizeof(*edges));
    if (edges == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            count = scope_add_edges(edges, count, &lists[i]->items[j]);
        }
    }
    for (size_t i = 0; i < SCOPE_HOSTLESS_COUNT; i++) {
        const struct prefix *prefix = &scope_hostless_rows[i].prefix;
        struct scope_range range = {.first = prefix->addr, .last = prefix_last(prefix)};
        count = scope_add_edges(edges, count, &range);
    }
    qsort(edges, count, sizeof(*edges), scope_edge_compare);
    *ret_edges = edges;
    *ret_count = count;
    return 0;
}

/* From the edge up to the next one of its family, where that is allowed; joined with what it touches. */
static void scope_add_stretch(struct scope *scope, const struct addr *edge, const struct addr *next)
{
    struct scope_clear *clear = &scope->clear[edge->is_ipv6 != 0];
    uint128 first = scope_number(edge);
    uint128 last = next != NULL && next->is_ipv6 == edge->is_ipv6 ? scope_number(next) - 1 : ~(uint128)0;

    if (scope_judge(scope, edge, NULL) < 0) {
        return;
    }
    if (clear->count > 0 && clear->items[clear->count - 1].last == first - 1) {
        clear->items[clear->count - 1].last = last;
        return;
    }
    clear->items[clear->count++] = (struct scope_stretch){first, last};
}

/* Between two neighbouring edges the lists say the same of all addresses: they are asked once for each stretch, and
 * then no more. Until it is done, and where it fails, they are asked for each probe. */
static int scope_clear_up(struct scope *scope)
{
    struct addr *edges = NULL;
    size_t count = 0;
    int rc = scope_edges(scope, &edges, &count);

    if (edges == NULL) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        free(scope->clear[i].items);
        scope->clear[i].count = 0;
        scope->clear[i].items = calloc(count, sizeof(*scope->clear[i].items));
        rc = scope->clear[i].items == NULL ? -ENOMEM : 0;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct addr *next = i + 1 < count ? &edges[i + 1] : NULL;
        if (next == NULL || addr_compare(&edges[i], next) != 0) {
            scope_add_stretch(scope, &edges[i], next);
        }
    }
    free(edges);
    return rc;
}

int scope_create(const struct scope_options *options, struct scope **ret_scope)
{
    struct scope *scope = calloc(1, sizeof(*scope));
    int rc;

    if (scope == NULL) {
        return -ENOMEM;
    }
    rc = scope_fill(scope, options);
    rc = rc < 0 ? rc : scope_clear_up(scope);
    if (rc < 0) {
        scope_destroy(scope);
        return rc;
    }
    *ret_scope = scope;
    return 0;
}

void scope_destroy(struct scope *scope)
{
    if (scope == NULL) {
        return;
    }
    free(scope->allowed.items);
    free(scope->within.items);
    free(scope->never.items);
    free(scope->clear[0].items);
    free(scope->clear[1].items);
    free(scope);
}

int scope_narrow(struct scope *scope, const struct scope_options *options)
{
    int rc;

    assert(scope->within.count == 0);
    scope->clear[0].count = 0;
    scope->clear[1].count = 0;
    rc = scope_ranges_add(&scope->never, options->never, options->never_count);
    rc = rc < 0 ? rc : scope_ranges_add(&scope->within, options->allowed, options->allowed_count);
    return rc < 0 ? rc : scope_clear_up(scope);
}

int scope_permits_range(const struct scope *scope, const struct addr *first, const struct addr *last,
                        struct problem *problem)
{
    const struct scope_range *range = scope_find(&scope->allowed, first);
    struct addr outside = *first;
    struct addr plain = *last;

    plain.zone = 0;
    if (range != NULL) {
        if (addr_compare(&range->last, &plain) >= 0) {
            return 0;
        }
        outside = range->last;
        if (!addr_add(&outside, 1)) {
            return 0;
        }
    }
    return scope_refuse(&outside, first, last, problem);
}
