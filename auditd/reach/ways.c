#include "auditd/reach/bands.h"

#include <errno.h>
#include <stdlib.h>

/* One prefix of a route: a list has many. */
struct claim {
    const struct reach_route *route;
    struct prefix prefix;
};

struct claims {
    struct claim *items;
    size_t count;
};

void reach_ways_done(struct reach_ways *ways)
{
    for (size_t i = 0; i < ways->count; i++) {
        span_set_done(&ways->items[i].set);
    }
    free(ways->items);
    *ways = (struct reach_ways){0};
}

static const struct reach_list *route_list(const struct reach_model *model, const struct reach_route *route)
{
    return route->list.at == REACH_NONE ? NULL : &model->lists.items[route->list.at];
}

static bool route_is_unread(const struct reach_model *model, const struct reach_route *route)
{
    const struct reach_list *list = route_list(model, route);

    return route->list.id != NULL && (list == NULL || !list->is_read);
}

const struct reach_route *reach_ways_unread(const struct reach_model *model, const struct reach_table *table, size_t n)
{
    for (size_t i = 0; i < table->routes.count; i++) {
        if (route_is_unread(model, &table->routes.items[i]) && n-- == 0) {
            return &table->routes.items[i];
        }
    }
    return NULL;
}

static const struct reach_prefixes *route_prefixes(const struct reach_model *model, const struct reach_route *route,
                                                   struct reach_prefixes *one)
{
    const struct reach_list *list = route_list(model, route);
    /* Of a borrowed prefix, which nobody writes by way of the list. */
    static const struct reach_prefixes none;

    if (route->list.id != NULL) {
        return list == NULL ? &none : &list->entries;
    }
    one->count = 1;
    return one;
}

static size_t claims_of(const struct reach_model *model, const struct reach_table *table, bool is_ipv6,
                        struct claim *items)
{
    size_t count = 0;

    for (size_t i = 0; i < table->routes.count; i++) {
        const struct reach_route *route = &table->routes.items[i];
        struct prefix own = route->prefix;
        struct reach_prefixes one = {.items = &own};
        const struct reach_prefixes *prefixes = route_prefixes(model, route, &one);
        for (size_t j = 0; j < prefixes->count; j++) {
            if (prefixes->items[j].addr.is_ipv6 != is_ipv6) {
                continue;
            }
            if (items != NULL) {
                items[count] = (struct claim){route, prefixes->items[j]};
            }
            count++;
        }
    }
    return count;
}

/* 0: neither comes before the other. */
static int claim_precedes(const struct claim *a, const struct claim *b)
{
    if (a->prefix.bits != b->prefix.bits) {
        return a->prefix.bits > b->prefix.bits ? -1 : 1;
    }
    return (a->route->rank > b->route->rank) - (a->route->rank < b->route->rank);
}

/* A total order, so that equals stand together and the outcome does not depend on the sort. */
static int claim_order(const void *a, const void *b)
{
    const struct claim *left = a;
    const struct claim *right = b;
    int order = claim_precedes(left, right);

    order = order != 0 ? order : addr_compare(&left->prefix.addr, &right->prefix.addr);
    return order != 0 ? order : (left->route > right->route) - (left->route < right->route);
}

/* Whether another route claims the prefix of the first of `claims` with the same right. A list may name it twice. */
static bool claim_is_torn(const struct claim *claims, size_t count)
{
    for (size_t i = 1; i < count && claim_precedes(&claims[0], &claims[i]) == 0 &&
                       addr_equal(&claims[0].prefix.addr, &claims[i].prefix.addr);
         i++) {
        if (claims[i].route != claims[0].route) {
            return true;
        }
    }
    return false;
}

int reach_ways_of(const struct reach_model *model, const struct reach_table *table, bool is_ipv6,
                  struct reach_ways *ret_ways)
{
    size_t count = claims_of(model, table, is_ipv6, NULL);
    struct claim *claims = calloc(count + 1, sizeof(*claims));
    struct reach_ways ways = {.items = calloc(count + 1, sizeof(*ways.items)), .table = table};
    struct span_set taken = {0};
    bool failed = claims == NULL || ways.items == NULL;

    if (!failed) {
        claims_of(model, table, is_ipv6, claims);
        qsort(claims, count, sizeof(*claims), claim_order);
    }
    for (size_t i = 0; !failed && i < count; i++) {
        struct reach_way *way = &ways.items[ways.count];
        span_set_add_prefix(&way->set, &claims[i].prefix);
        span_set_minus(&way->set, &taken);
        span_set_or(&taken, &way->set);
        way->route = claims[i].route;
        way->torn = claim_is_torn(&claims[i], count - i);
        failed = way->set.failed || taken.failed;
        ways.count++;
    }
    span_set_done(&taken);
    free(claims);
    if (failed) {
        reach_ways_done(&ways);
        return -ENOMEM;
    }
    *ret_ways = ways;
    return 0;
}

const struct reach_way *reach_ways_at(const struct reach_ways *ways, span_value value)
{
    for (size_t i = 0; i < ways->count; i++) {
        if (span_set_has(&ways->items[i].set, value)) {
            return &ways->items[i];
        }
    }
    return NULL;
}
