#include "auditd/reach_goal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOAL_NAME_SIZE = 256 };

void reach_goal_done(struct reach_goal *goal)
{
    free(goal->to);
    free(goal->sources);
    *goal = (struct reach_goal){0};
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

static bool address_is(const struct reach_address *own, const struct addr *address)
{
    return prefix_contains(&own->prefix, address) ||
           (own->is_public && !own->prefix.addr.is_ipv6 && addr_equal(&own->public_address, address));
}

bool reach_goal_means(const struct reach_goal *goal, const struct reach_address *own)
{
    return !goal->has_address || address_is(own, &goal->address);
}

static bool eni_has(const struct reach_eni *eni, const struct addr *address)
{
    for (size_t i = 0; i < eni->addresses.count; i++) {
        if (address_is(&eni->addresses.items[i], address)) {
            return true;
        }
    }
    return false;
}

static bool asset_has(const struct reach_asset *asset, uint32_t eni)
{
    for (size_t i = 0; i < asset->enis.count; i++) {
        if (asset->enis.items[i].at == eni) {
            return true;
        }
    }
    return false;
}

static bool eni_is(const struct reach_model *model, uint32_t at, const char *name, const struct addr *address)
{
    const struct reach_eni *eni = &model->enis.items[at];

    if (same_text(eni->id, name) || same_text(eni->owner, name) || (address != NULL && eni_has(eni, address))) {
        return true;
    }
    for (size_t i = 0; i < model->assets.count; i++) {
        const struct reach_asset *asset = &model->assets.items[i];
        if ((same_text(asset->id, name) || same_text(asset->name, name)) && asset_has(asset, at)) {
            return true;
        }
    }
    return false;
}

/* The interfaces of an asset; -ENOENT. */
static int find_enis(const struct reach_model *model, const char *name, uint32_t **ret_enis, size_t *ret_count)
{
    uint32_t *enis = calloc(model->enis.count + 1, sizeof(*enis));
    struct addr address;
    bool is_address = strchr(name, '%') == NULL && addr_parse(name, &address) == 0;
    size_t count = 0;

    if (enis == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < model->enis.count; i++) {
        if (eni_is(model, i, name, is_address ? &address : NULL)) {
            enis[count++] = i;
        }
    }
    if (count == 0) {
        free(enis);
        return -ENOENT;
    }
    *ret_enis = enis;
    *ret_count = count;
    return 0;
}

static int parse_proto(const char *text, uint16_t *ret_proto)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (strcmp(text, "tcp") == 0 || strcmp(text, "udp") == 0) {
        *ret_proto = text[0] == 't' ? REACH_TCP : REACH_UDP;
        return 0;
    }
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > 255) {
        return -EINVAL;
    }
    *ret_proto = (uint16_t)number;
    return 0;
}

/* "443", "3000-4000", "53/udp", "icmp" alone: all of its types. */
static int parse_ports(const char *text, struct reach_goal *goal)
{
    char *end;
    unsigned long first;
    unsigned long last;

    goal->has_ports = true;
    goal->proto = REACH_TCP;
    if (strcmp(text, "icmp") == 0) {
        goal->proto = REACH_ICMP;
        return 0;
    }
    if (text[0] < '0' || text[0] > '9') {
        return -EINVAL;
    }
    first = last = strtoul(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') {
        last = strtoul(end + 1, &end, 10);
    }
    if (last < first || last > UINT16_MAX) {
        return -EINVAL;
    }
    goal->ports = (struct reach_ports){(uint16_t)first, (uint16_t)last};
    if (*end == '/') {
        return parse_proto(end + 1, &goal->proto);
    }
    return *end == '\0' ? 0 : -EINVAL;
}

static int find_to(const struct reach_model *model, const char *name, struct reach_goal *goal)
{
    goal->has_address = strchr(name, '%') == NULL && addr_parse(name, &goal->address) == 0;
    return find_enis(model, name, &goal->to, &goal->to_count);
}

/* Splits NAME:PORTS; a name may hold colons when it is an address or an ARN. */
static int parse_to(const struct reach_model *model, const char *to, struct reach_goal *goal, char *reason)
{
    char name[GOAL_NAME_SIZE];
    const char *colon = strrchr(to, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - to);
    int rc = find_to(model, to, goal);

    if (rc != -ENOENT || colon == NULL || length >= sizeof(name)) {
        return rc;
    }
    memcpy(name, to, length);
    name[length] = '\0';
    if (name[0] == '[' && name[length - 1] == ']') {
        name[length - 1] = '\0';
        memmove(name, name + 1, length - 1);
    }
    rc = find_to(model, name, goal);
    if (rc == 0 && parse_ports(colon + 1, goal) < 0) {
        snprintf(reason, REACH_GOAL_REASON_SIZE,
                 "what stands behind the last colon of \"%.200s\" is no port, range, PORT/udp or icmp", to);
        return -EINVAL;
    }
    return rc;
}

static int parse_from(const struct reach_model *model, const char *from, struct reach_goal *goal, char *reason)
{
    int rc;

    goal->from_text = from == NULL ? "world" : from;
    if (strcmp(goal->from_text, "world") == 0) {
        goal->from = REACH_FROM_WORLD;
        return 0;
    }
    rc = find_enis(model, from, &goal->sources, &goal->source_count);
    if (rc == 0) {
        goal->from = REACH_FROM_ENI;
        return 0;
    }
    if (rc == -ENOENT && strchr(from, '%') == NULL && prefix_parse(from, &goal->prefix) == 0) {
        goal->from = REACH_FROM_PREFIX;
        return 0;
    }
    if (rc == -ENOENT) {
        snprintf(reason, REACH_GOAL_REASON_SIZE, "\"%.200s\" is neither world, nor a CIDR, nor an asset of the cloud",
                 from);
    }
    return rc;
}

int reach_goal_parse(const struct reach_model *model, const char *to, const char *from, struct reach_goal *ret_goal,
                     char reason[REACH_GOAL_REASON_SIZE])
{
    struct reach_goal goal = {.ports = {0, UINT16_MAX}};
    int rc = parse_to(model, to, &goal, reason);

    if (rc == -ENOENT) {
        snprintf(reason, REACH_GOAL_REASON_SIZE,
                 "the cloud has no interface, instance, balancer, database or address \"%.200s\"", to);
    }
    rc = rc == 0 ? parse_from(model, from, &goal, reason) : rc;
    if (rc < 0) {
        reach_goal_done(&goal);
        return rc;
    }
    *ret_goal = goal;
    return 0;
}
