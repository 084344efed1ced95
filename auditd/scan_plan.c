#include "auditd/scan_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_PLAN_REASON_SIZE = 256 };

/* Instead of an index into the plan's sets of ports. */
#define SCAN_PLAN_NO_PORTS SIZE_MAX

/* first..last with their ports. */
struct scan_plan_range {
    struct addr first;
    struct addr last;
    struct addr reach; /* of targets, in their order: the furthest `last` up to here, whatever its zone */
    size_t ports;
};

struct scan_plan_span {
    uint16_t first;
    uint16_t last;
};

/* A set of ports as few bytes: a plan may have tens of thousands of targets with ports of their own. */
struct scan_plan_ports {
    struct scan_plan_span *spans;
    size_t count;
};

struct scan_plan_watch {
    struct addr host;
    bool is_udp;
    uint16_t port;
};

struct scan_plan {
    struct scan_plan_range *targets;
    size_t target_count;
    struct scan_plan_range *excludes;
    size_t exclude_count;
    struct scan_plan_ports *ports;
    size_t ports_count;
    struct scan_plan_watch *watch;
    size_t watch_count;
    /* More than one when it was given by a name. */
    struct scan_plan_watch *canary;
    size_t canary_count;
    json_t *resolved;
};

/* What is being built, and where the reason for an error goes. */
struct scan_plan_builder {
    struct scan_plan *plan;
    char *reason;
};

static int scan_plan_refuse(const struct scan_plan_builder *builder, const char *field, const char *text,
                            const char *meaning)
{
    snprintf(builder->reason, SCAN_PLAN_REASON_SIZE, "plan/%s \"%.120s\" %s", field, text, meaning);
    return -EBADMSG;
}

/* Makes room for one more item of `size` bytes. NULL when out of memory. */
static void *scan_plan_grow(void **items, size_t *count, size_t size)
{
    void *grown = (*count & (*count - 1)) == 0 ? realloc(*items, (*count == 0 ? 1 : *count * 2) * size) : *items;

    if (grown == NULL) {
        return NULL;
    }
    *items = grown;
    (*count)++;
    return (char *)grown + (*count - 1) * size;
}

static int scan_plan_add_span(struct scan_plan_ports *ports, struct scan_plan_span span)
{
    struct scan_plan_span *slot = scan_plan_grow((void **)&ports->spans, &ports->count, sizeof(*slot));

    if (slot == NULL) {
        return -ENOMEM;
    }
    *slot = span;
    return 0;
}

static int scan_plan_fill_ports(struct scan_plan_ports *ports, const struct portset *set)
{
    for (int32_t first = portset_next(set, 0); first >= 0;) {
        int32_t last = portset_run_end(set, (uint16_t)first);
        int rc;
        rc = scan_plan_add_span(ports, (struct scan_plan_span){(uint16_t)first, (uint16_t)last});
        if (rc < 0) {
            return rc;
        }
        first = portset_next(set, (uint32_t)last + 1);
    }
    return 0;
}

static int scan_plan_add_ports(const struct scan_plan_builder *builder, const char *text, size_t *ret_index)
{
    struct scan_plan *plan = builder->plan;
    struct scan_plan_ports *ports = scan_plan_grow((void **)&plan->ports, &plan->ports_count, sizeof(*ports));
    struct portset set = {0};
    size_t offset;

    if (ports == NULL) {
        return -ENOMEM;
    }
    *ports = (struct scan_plan_ports){0};
    if (strcmp(text, "all") == 0) {
        portset_add_range(&set, 0, UINT16_MAX);
    } else if (portset_parse(text, &set, &offset) < 0) {
        return scan_plan_refuse(builder, "ports", text, "is not a list of port numbers and ranges");
    }
    *ret_index = plan->ports_count - 1;
    return scan_plan_fill_ports(ports, &set);
}

static bool scan_plan_ports_have(const struct scan_plan_ports *ports, uint16_t port)
{
    size_t low = 0;
    size_t high = ports->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (port < ports->spans[middle].first) {
            high = middle;
        } else if (port > ports->spans[middle].last) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

/* "10.0.0.1-50", "10.0.0.1-10.0.1.20", "fd00::1-fd00::ff", "10.0.0.0/24", an address. -EINVAL: may be a name. */
static int scan_plan_parse_range(const char *text, struct addr *ret_first, struct addr *ret_last)
{
    char head[ADDR_TEXT_SIZE];
    const char *dash = strchr(text, '-');
    struct prefix prefix;
    char *end;
    unsigned long octet;

    if (prefix_parse(text, &prefix) == 0) {
        *ret_first = prefix.addr;
        *ret_last = prefix_last(&prefix);
        return 0;
    }
    if (dash == NULL || (size_t)(dash - text) >= sizeof(head)) {
        return -EINVAL;
    }
    memcpy(head, text, (size_t)(dash - text));
    head[dash - text] = '\0';
    if (addr_parse(head, ret_first) < 0) {
        return -EINVAL;
    }
    if (addr_parse(dash + 1, ret_last) == 0) {
        return ret_first->is_ipv6 == ret_last->is_ipv6 && addr_compare(ret_first, ret_last) <= 0 ? 0 : -EINVAL;
    }
    octet = strtoul(dash + 1, &end, 10);
    if (ret_first->is_ipv6 || end == dash + 1 || *end != '\0' || octet > UINT8_MAX || octet < ret_first->bytes[3]) {
        return -EINVAL;
    }
    *ret_last = *ret_first;
    ret_last->bytes[3] = (uint8_t)octet;
    return 0;
}

/* Cuts "[fd00::1]:443", "10.0.0.5:443", "db.example:22" into host and ports (NULL without); changes `text`. */
static int scan_plan_split(char *text, char **ret_host, char **ret_ports)
{
    char *colon = strchr(text, ':');
    char *bracket;

    *ret_host = text;
    *ret_ports = NULL;
    if (text[0] == '[') {
        bracket = strchr(text, ']');
        if (bracket == NULL || (bracket[1] != ':' && bracket[1] != '\0')) {
            return -EINVAL;
        }
        *ret_host = text + 1;
        *ret_ports = bracket[1] == ':' ? bracket + 2 : NULL;
        *bracket = '\0';
        return 0;
    }
    /* Two colons without brackets: an IPv6 address alone. */
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
        *ret_ports = colon + 1;
    }
    return 0;
}

struct scan_plan_list {
    const char *field;
    struct scan_plan_range **ranges;
    size_t *count;
    size_t without_ports; /* what an expression without ports of its own stands for */
};

static int scan_plan_add_range(const struct scan_plan_list *list, const struct scan_plan_range *range)
{
    struct scan_plan_range *slot = scan_plan_grow((void **)list->ranges, list->count, sizeof(*slot));

    if (slot == NULL) {
        return -ENOMEM;
    }
    *slot = *range;
    return 0;
}

static int scan_plan_add_name(const struct scan_plan_builder *builder, const struct scan_plan_list *list,
                              const char *name, size_t ports)
{
    const json_t *addresses = json_object_get(builder->plan->resolved, name);

    if (!json_is_array(addresses)) {
        return scan_plan_refuse(builder, list->field, name, "is neither an address nor a name that was resolved");
    }
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        struct scan_plan_range range = {.ports = ports};
        int rc;
        if (text == NULL || addr_parse(text, &range.first) < 0) {
            return scan_plan_refuse(builder, "resolved", name, "has an address that is none");
        }
        range.last = range.first;
        rc = scan_plan_add_range(list, &range);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int scan_plan_add_expression(const struct scan_plan_builder *builder, const struct scan_plan_list *list,
                                    const char *expression)
{
    struct scan_plan_range range = {.ports = list->without_ports};
    char *text = strdup(expression);
    char *host;
    char *ports;
    int rc;

    if (text == NULL) {
        return -ENOMEM;
    }
    rc = scan_plan_split(text, &host, &ports);
    if (rc < 0) {
        rc = scan_plan_refuse(builder, list->field, expression, "is no target");
    } else if (ports != NULL) {
        rc = scan_plan_add_ports(builder, ports, &range.ports);
    }
    if (rc == 0 && scan_plan_parse_range(host, &range.first, &range.last) == 0) {
        rc = scan_plan_add_range(list, &range);
    } else if (rc == 0) {
        rc = scan_plan_add_name(builder, list, host, range.ports);
    }
    free(text);
    return rc;
}

static int scan_plan_add_list(const struct scan_plan_builder *builder, const json_t *json,
                              const struct scan_plan_list *list)
{
    const json_t *array = json_object_get(json, list->field);

    if (array != NULL && !json_is_array(array)) {
        return scan_plan_refuse(builder, list->field, "", "is no array");
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        int rc = text == NULL ? scan_plan_refuse(builder, list->field, "", "has an item that is no string")
                              : scan_plan_add_expression(builder, list, text);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Where endpoints of a plan's field go. */
struct scan_plan_endpoints {
    const char *field;
    struct scan_plan_watch **items;
    size_t *count;
};

static int scan_plan_keep_endpoint(const struct scan_plan_endpoints *list, const struct scan_plan_watch *endpoint)
{
    struct scan_plan_watch *slot = scan_plan_grow((void **)list->items, list->count, sizeof(*slot));

    if (slot == NULL) {
        return -ENOMEM;
    }
    *slot = *endpoint;
    return 0;
}

static int scan_plan_add_endpoint(const struct scan_plan_builder *builder, const struct scan_plan_endpoints *list,
                                  const json_t *json)
{
    const char *host = json_string_value(json_object_get(json, "host"));
    const char *proto = json_string_value(json_object_get(json, "proto"));
    const json_t *port = json_object_get(json, "port");
    const json_t *addresses;
    struct scan_plan_watch endpoint = {0};

    if (host == NULL || proto == NULL || !json_is_integer(port) || json_integer_value(port) < 0 ||
        json_integer_value(port) > UINT16_MAX) {
        return scan_plan_refuse(builder, list->field, host == NULL ? "" : host, "has no host, proto or port");
    }
    endpoint.is_udp = strcmp(proto, "udp") == 0;
    endpoint.port = (uint16_t)json_integer_value(port);
    if (addr_parse(host, &endpoint.host) == 0) {
        return scan_plan_keep_endpoint(list, &endpoint);
    }
    addresses = json_object_get(builder->plan->resolved, host);
    if (!json_is_array(addresses)) {
        return scan_plan_refuse(builder, list->field, host, "is neither an address nor a name that was resolved");
    }
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        int rc = text == NULL || addr_parse(text, &endpoint.host) < 0
                     ? scan_plan_refuse(builder, "resolved", host, "has an address that is none")
                     : scan_plan_keep_endpoint(list, &endpoint);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int scan_plan_compare_watch(const void *a, const void *b)
{
    const struct scan_plan_watch *left = a;
    const struct scan_plan_watch *right = b;
    int order = addr_compare(&left->host, &right->host);

    if (order != 0) {
        return order;
    }
    if (left->is_udp != right->is_udp) {
        return left->is_udp ? 1 : -1;
    }
    return (left->port > right->port) - (left->port < right->port);
}

static int scan_plan_fill_watch(const struct scan_plan_builder *builder, const json_t *json)
{
    struct scan_plan *plan = builder->plan;
    const struct scan_plan_endpoints watch = {"watch", &plan->watch, &plan->watch_count};
    const struct scan_plan_endpoints canary = {"canary", &plan->canary, &plan->canary_count};
    const json_t *array = json_object_get(json, "watch");

    if (array != NULL && !json_is_array(array)) {
        return scan_plan_refuse(builder, "watch", "", "is no array");
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        int rc = scan_plan_add_endpoint(builder, &watch, json_array_get(array, i));
        if (rc < 0) {
            return rc;
        }
    }
    if (plan->watch_count > 0) {
        qsort(plan->watch, plan->watch_count, sizeof(*plan->watch), scan_plan_compare_watch);
    }
    if (json_object_get(json, "canary") == NULL) {
        return 0;
    }
    return scan_plan_add_endpoint(builder, &canary, json_object_get(json, "canary"));
}

static int scan_plan_fill(const struct scan_plan_builder *builder, const json_t *json)
{
    struct scan_plan *plan = builder->plan;
    const struct scan_plan_list lists[] = {
        {"targets", &plan->targets, &plan->target_count, 0},
        {"exclude", &plan->excludes, &plan->exclude_count, SCAN_PLAN_NO_PORTS},
        {"never_scan", &plan->excludes, &plan->exclude_count, SCAN_PLAN_NO_PORTS},
    };
    const char *ports = json_string_value(json_object_get(json, "ports"));
    size_t index;
    int rc;

    if (ports == NULL) {
        return scan_plan_refuse(builder, "ports", "", "is missing or no string");
    }
    /* The plan's own ports are set 0: what a target without ports points at. */
    rc = scan_plan_add_ports(builder, ports, &index);
    for (size_t i = 0; rc == 0 && i < sizeof(lists) / sizeof(*lists); i++) {
        rc = scan_plan_add_list(builder, json, &lists[i]);
    }
    if (rc == 0 && plan->target_count == 0) {
        rc = scan_plan_refuse(builder, "targets", "", "is empty");
    }
    if (rc == 0) {
        rc = scan_plan_fill_watch(builder, json);
    }
    return rc;
}

static int scan_plan_compare_ranges(const void *a, const void *b)
{
    const struct scan_plan_range *one = a;
    const struct scan_plan_range *other = b;

    return addr_compare_value(&one->first, &other->first);
}

/* So that a host is looked for among the few that may have it: a plan may have a thousand targets, and is asked for
 * each endpoint. */
static void scan_plan_sort(struct scan_plan *plan)
{
    if (plan->targets == NULL) {
        return;
    }
    qsort(plan->targets, plan->target_count, sizeof(*plan->targets), scan_plan_compare_ranges);
    for (size_t i = 0; i < plan->target_count; i++) {
        const struct addr *last = &plan->targets[i].last;
        bool further = i == 0 || addr_compare_value(last, &plan->targets[i - 1].reach) > 0;
        plan->targets[i].reach = further ? *last : plan->targets[i - 1].reach;
    }
}

int scan_plan_create(const json_t *json, struct scan_plan **ret_plan, char *ret_reason)
{
    struct scan_plan *plan = calloc(1, sizeof(*plan));
    const struct scan_plan_builder builder = {.plan = plan, .reason = ret_reason};
    int rc;

    if (plan == NULL) {
        return -ENOMEM;
    }
    plan->resolved = json_deep_copy(json_object_get(json, "resolved"));
    if (plan->resolved != NULL && !json_is_object(plan->resolved)) {
        rc = scan_plan_refuse(&builder, "resolved", "", "is no object");
    } else {
        rc = scan_plan_fill(&builder, json);
    }
    if (rc < 0) {
        scan_plan_destroy(plan);
        return rc;
    }
    scan_plan_sort(plan);
    *ret_plan = plan;
    return 0;
}

void scan_plan_destroy(struct scan_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->ports_count; i++) {
        free(plan->ports[i].spans);
    }
    free(plan->ports);
    free(plan->targets);
    free(plan->excludes);
    free(plan->watch);
    free(plan->canary);
    json_decref(plan->resolved);
    free(plan);
}

/* A range without a zone stands for that range in every zone. */
static bool scan_plan_range_has(const struct scan_plan_range *range, const struct addr *host)
{
    struct addr bare = *host;

    if (range->first.zone == 0) {
        bare.zone = 0;
    }
    return range->first.is_ipv6 == host->is_ipv6 && range->first.zone == bare.zone &&
           addr_compare(&range->first, &bare) <= 0 && addr_compare(&bare, &range->last) <= 0;
}

/* How many targets begin at the host or before it. */
static size_t scan_plan_begun(const struct scan_plan *plan, const struct addr *host)
{
    size_t low = 0;
    size_t high = plan->target_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare_value(&plan->targets[middle].first, host) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The last of the first `end` targets; NULL when none of them reaches as far as the host. */
static const struct scan_plan_range *scan_plan_before(const struct scan_plan *plan, size_t end, const struct addr *host)
{
    return end > 0 && addr_compare_value(host, &plan->targets[end - 1].reach) <= 0 ? &plan->targets[end - 1] : NULL;
}

static bool scan_plan_excludes_host(const struct scan_plan *plan, const struct addr *host)
{
    for (size_t i = 0; i < plan->exclude_count; i++) {
        if (plan->excludes[i].ports == SCAN_PLAN_NO_PORTS && scan_plan_range_has(&plan->excludes[i], host)) {
            return true;
        }
    }
    return false;
}

static bool scan_plan_excludes(const struct scan_plan *plan, const struct addr *host, uint16_t port)
{
    for (size_t i = 0; i < plan->exclude_count; i++) {
        const struct scan_plan_range *range = &plan->excludes[i];
        if (scan_plan_range_has(range, host) &&
            (range->ports == SCAN_PLAN_NO_PORTS || scan_plan_ports_have(&plan->ports[range->ports], port))) {
            return true;
        }
    }
    return false;
}

bool scan_plan_has_host(const struct scan_plan *plan, const struct addr *host)
{
    const struct scan_plan_range *range;

    for (size_t i = scan_plan_begun(plan, host); (range = scan_plan_before(plan, i, host)) != NULL; i--) {
        if (scan_plan_range_has(range, host)) {
            return !scan_plan_excludes_host(plan, host);
        }
    }
    return false;
}

/* Both lists are walked in the order of their first addresses. What comes next is held against the furthest that the
 * other list has come so far; ranges of one list may overlap each other. */
bool scan_plan_overlaps(const struct scan_plan *one, const struct scan_plan *other)
{
    const struct scan_plan *plans[] = {one, other};
    const struct addr *reached[] = {NULL, NULL};
    size_t at[] = {0, 0};

    while (at[0] < one->target_count || at[1] < other->target_count) {
        int next = at[0] == one->target_count                                                    ? 1
                   : at[1] == other->target_count                                                ? 0
                   : scan_plan_compare_ranges(&one->targets[at[0]], &other->targets[at[1]]) <= 0 ? 0
                                                                                                 : 1;
        const struct scan_plan_range *range = &plans[next]->targets[at[next]++];
        if (reached[1 - next] != NULL && addr_compare_value(&range->first, reached[1 - next]) <= 0) {
            return true;
        }
        if (reached[next] == NULL || addr_compare_value(&range->last, reached[next]) > 0) {
            reached[next] = &range->last;
        }
    }
    return false;
}

bool scan_plan_has_endpoint(const struct scan_plan *plan, const struct addr *host, bool is_udp, uint16_t port)
{
    const struct scan_plan_watch key = {.host = *host, .is_udp = is_udp, .port = port};
    const struct scan_plan_range *range;

    if (plan->watch_count > 0 &&
        bsearch(&key, plan->watch, plan->watch_count, sizeof(key), scan_plan_compare_watch) != NULL) {
        return !scan_plan_excludes(plan, host, port);
    }
    /* Connects and SYNs ask TCP: UDP is on a plan by its watch list alone. */
    for (size_t i = is_udp ? 0 : scan_plan_begun(plan, host); (range = scan_plan_before(plan, i, host)) != NULL; i--) {
        if (scan_plan_range_has(range, host) && scan_plan_ports_have(&plan->ports[range->ports], port)) {
            return !scan_plan_excludes(plan, host, port);
        }
    }
    return false;
}

bool scan_plan_is_canary(const struct scan_plan *plan, const struct addr *host, bool is_udp, uint16_t port)
{
    const struct scan_plan_watch key = {.host = *host, .is_udp = is_udp, .port = port};

    for (size_t i = 0; i < plan->canary_count; i++) {
        if (scan_plan_compare_watch(&key, &plan->canary[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void scan_plan_union(struct portset *set, const struct scan_plan_ports *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        portset_add_range(set, ports->spans[i].first, ports->spans[i].last);
    }
}

bool scan_plan_ports(const struct scan_plan *plan, const struct addr *host, bool is_udp, struct portset *ret_ports)
{
    const struct scan_plan_range *range;
    bool has = false;

    portset_clear(ret_ports);
    for (size_t i = is_udp ? 0 : scan_plan_begun(plan, host); (range = scan_plan_before(plan, i, host)) != NULL; i--) {
        if (scan_plan_range_has(range, host)) {
            scan_plan_union(ret_ports, &plan->ports[range->ports]);
            has = true;
        }
    }
    for (int32_t port = plan->exclude_count > 0 ? portset_next(ret_ports, 0) : -1; port >= 0;
         port = portset_next(ret_ports, (uint32_t)port + 1)) {
        if (scan_plan_excludes(plan, host, (uint16_t)port)) {
            portset_remove(ret_ports, (uint16_t)port);
        }
    }
    return has && !scan_plan_excludes_host(plan, host);
}

bool scan_plan_name_has(const struct scan_plan *plan, const char *name, const struct addr *address)
{
    const json_t *addresses = json_object_get(plan->resolved, name);

    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        struct addr one;
        if (text != NULL && addr_parse(text, &one) == 0 && addr_equal(&one, address)) {
            return true;
        }
    }
    return false;
}

size_t scan_plan_name_count(const struct scan_plan *plan, const char *name, bool is_ipv6)
{
    const json_t *addresses = json_object_get(plan->resolved, name);
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *text = json_string_value(json_array_get(addresses, i));
        struct addr one;
        if (text != NULL && addr_parse(text, &one) == 0 && (one.is_ipv6 != 0) == is_ipv6) {
            count++;
        }
    }
    return count;
}
