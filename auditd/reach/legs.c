/* Where the sources of a question stand. */
#include "auditd/reach/leg.h"

#include <errno.h>
#include <stdlib.h>

struct legs {
    struct reach_engine *engine;
    const struct reach_model *model;
    const struct reach_question *question;
    const struct reach_eni *eni;
    bool is_ipv6;
    bool failed;
    uint32_t vpc; /* the destination's */
    struct reach_leg *items;
    size_t count;
};

/* What is never a source on the internet: "this network", private, shared (RFC 6598), loopback and link-local
 * addresses, multicast and what is reserved (RFC 6890). Ranges for documentation stay in: they mean nobody. */
static const struct prefix internet_excludes[] = {
    {{.bytes = {0}}, 8},         {{.bytes = {10}}, 8},       {{.bytes = {100, 64}}, 10},  {{.bytes = {127}}, 8},
    {{.bytes = {169, 254}}, 16}, {{.bytes = {172, 16}}, 12}, {{.bytes = {192, 168}}, 16}, {{.bytes = {224}}, 3},
};

/* Global unicast (RFC 4291). */
static const struct prefix internet_ipv6 = {{.bytes = {0x20}, .is_ipv6 = 1}, 3};

static void internet_add(bool is_ipv6, struct span_set *set)
{
    struct span_set excludes = {0};

    if (is_ipv6) {
        span_set_add_prefix(set, &internet_ipv6);
        return;
    }
    span_set_add(set, span_all(false));
    for (size_t i = 0; i < sizeof(internet_excludes) / sizeof(*internet_excludes); i++) {
        span_set_add_prefix(&excludes, &internet_excludes[i]);
    }
    span_set_minus(set, &excludes);
    span_set_done(&excludes);
}

static void prefixes_add(const struct reach_prefixes *prefixes, bool is_ipv6, struct span_set *set)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        if (prefixes->items[i].addr.is_ipv6 == is_ipv6) {
            span_set_add_prefix(set, &prefixes->items[i]);
        }
    }
}

/* A leg like the question, with no sources yet; NULL when out of memory. */
static struct reach_leg *legs_push(struct legs *legs, enum reach_place place)
{
    const struct reach_question *question = legs->question;
    struct reach_leg *items = realloc(legs->items, (legs->count + 1) * sizeof(*items));
    struct reach_ports any = {1024, UINT16_MAX};
    bool is_given = question->client.last != 0;

    if (items == NULL) {
        legs->failed = true;
        return NULL;
    }
    legs->items = items;
    items[legs->count] = (struct reach_leg){
        .place = place,
        .subnet = REACH_NONE,
        .source = REACH_NONE,
        .peering = REACH_NONE,
        .eni = question->eni,
        .address = question->address,
        .proto = question->proto == REACH_ICMP && legs->is_ipv6 ? REACH_ICMPV6 : question->proto,
        .ports = question->ports,
        .client = is_given ? question->client : any,
    };
    return &items[legs->count++];
}

/* A leg for the part of `left` that is also in `place`; that part is taken out. */
static struct reach_leg *legs_split(struct legs *legs, struct span_set *left, const struct span_set *part,
                                    enum reach_place place)
{
    struct reach_leg *leg;

    if (!span_set_meets(left, part)) {
        return NULL;
    }
    leg = legs_push(legs, place);
    if (leg != NULL) {
        span_set_copy(&leg->sources, left);
        span_set_and(&leg->sources, part);
    }
    return leg;
}

/* The side of a peering that is not the VPC; NULL when the VPC is no side of it. */
static const struct reach_side *peering_far(const struct reach_peering *peering, uint32_t vpc)
{
    if (vpc == REACH_NONE || peering->sides[0].vpc.at == peering->sides[1].vpc.at) {
        return NULL;
    }
    if (peering->sides[0].vpc.at == vpc) {
        return &peering->sides[1];
    }
    return peering->sides[1].vpc.at == vpc ? &peering->sides[0] : NULL;
}

/* The addresses behind a peering. */
static void side_add(const struct legs *legs, const struct reach_side *side, struct span_set *set)
{
    prefixes_add(&side->prefixes, legs->is_ipv6, set);
    if (side->vpc.at != REACH_NONE) {
        prefixes_add(&legs->model->vpcs.items[side->vpc.at].prefixes, legs->is_ipv6, set);
    }
}

/* A leg for each subnet of the VPC that some of `sources` stand in, and one for those that stand in none. */
static void legs_of_vpc(struct legs *legs, uint32_t vpc, uint32_t peering, struct span_set *sources)
{
    struct reach_leg *leg;

    for (size_t i = 0; i < legs->model->subnets.count; i++) {
        const struct reach_subnet *subnet = &legs->model->subnets.items[i];
        struct span_set part = {0};
        if (subnet->vpc.at == vpc) {
            prefixes_add(&subnet->prefixes, legs->is_ipv6, &part);
        }
        leg = legs_split(legs, sources, &part, REACH_AT_SUBNET);
        if (leg != NULL) {
            leg->subnet = (uint32_t)i;
            leg->peering = peering;
            span_set_minus(sources, &part);
        }
        legs->failed |= part.failed;
        span_set_done(&part);
    }
    leg = legs_split(legs, sources, sources, REACH_AT_NO_SUBNET);
    if (leg != NULL) {
        leg->peering = peering;
    }
}

static bool vpc_has_subnets(const struct reach_model *model, uint32_t vpc)
{
    for (size_t i = 0; vpc != REACH_NONE && i < model->subnets.count; i++) {
        if (model->subnets.items[i].vpc.at == vpc) {
            return true;
        }
    }
    return false;
}

/* `all` stays: the addresses behind two peerings may be the same. What was found is added to `found`. */
static void legs_of_peers(struct legs *legs, const struct span_set *all, struct span_set *found)
{
    for (size_t i = 0; i < legs->model->peerings.count; i++) {
        const struct reach_side *far = peering_far(&legs->model->peerings.items[i], legs->vpc);
        struct span_set part = {0};
        struct reach_leg *leg;
        /* A peering that is not active is no way: whoever has the address comes by another one, if at all. */
        if (far == NULL || !legs->model->peerings.items[i].active) {
            continue;
        }
        side_add(legs, far, &part);
        span_set_and(&part, all);
        span_set_or(found, &part);
        if (vpc_has_subnets(legs->model, far->vpc.at)) {
            legs_of_vpc(legs, far->vpc.at, (uint32_t)i, &part);
        } else {
            leg = legs_split(legs, &part, &part, REACH_AT_UNREAD_PEER);
            if (leg != NULL) {
                leg->peering = (uint32_t)i;
            }
        }
        legs->failed |= part.failed;
        span_set_done(&part);
    }
}

static void legs_of_prefix(struct legs *legs, const struct span_set *asked)
{
    struct span_set left = {0};
    struct span_set part = {0};
    struct span_set found = {0};

    span_set_copy(&left, asked);
    if (legs->vpc != REACH_NONE) {
        prefixes_add(&legs->model->vpcs.items[legs->vpc].prefixes, legs->is_ipv6, &part);
        span_set_and(&part, &left);
        span_set_minus(&left, &part);
        legs_of_vpc(legs, legs->vpc, REACH_NONE, &part);
    }
    legs_of_peers(legs, &left, &found);
    span_set_minus(&left, &found);
    span_set_done(&part);
    internet_add(legs->is_ipv6, &part);
    legs_split(legs, &left, &part, REACH_AT_INTERNET);
    span_set_minus(&left, &part);
    legs_split(legs, &left, &left, REACH_AT_ELSEWHERE);
    legs->failed |= left.failed || part.failed || found.failed;
    span_set_done(&left);
    span_set_done(&part);
    span_set_done(&found);
}

/* The internet, less those who have a nearer way: the VPC itself, its peers, and the services of gateway endpoints. */
static void legs_of_world(struct legs *legs)
{
    struct reach_leg *leg = legs_push(legs, REACH_AT_INTERNET);
    uint32_t table = reach_subnet_table(legs->model, legs->eni->subnet.at);
    const struct reach_ways *ways = table == REACH_NONE ? NULL : reach_engine_ways(legs->engine, table, legs->is_ipv6);
    struct span_set nearer = {0};

    legs->failed |= table != REACH_NONE && ways == NULL;
    if (leg == NULL) {
        return;
    }
    internet_add(legs->is_ipv6, &leg->sources);
    if (legs->vpc != REACH_NONE) {
        prefixes_add(&legs->model->vpcs.items[legs->vpc].prefixes, legs->is_ipv6, &nearer);
    }
    for (size_t i = 0; i < legs->model->peerings.count; i++) {
        const struct reach_side *far = peering_far(&legs->model->peerings.items[i], legs->vpc);
        if (far != NULL && legs->model->peerings.items[i].active) {
            side_add(legs, far, &nearer);
        }
    }
    for (size_t i = 0; ways != NULL && i < ways->count; i++) {
        if (ways->items[i].route->hop == REACH_HOP_SERVICE) {
            span_set_or(&nearer, &ways->items[i].set);
        }
    }
    span_set_minus(&leg->sources, &nearer);
    span_set_done(&nearer);
}

/* The peering between two VPCs, an active one if there is; REACH_NONE. */
static uint32_t peering_between(const struct reach_model *model, uint32_t a, uint32_t b)
{
    uint32_t found = REACH_NONE;

    for (size_t i = 0; i < model->peerings.count; i++) {
        const struct reach_side *far = peering_far(&model->peerings.items[i], a);
        if (far != NULL && far->vpc.at == b && (found == REACH_NONE || model->peerings.items[i].active)) {
            found = (uint32_t)i;
        }
    }
    return found;
}

static enum reach_place place_of_eni(const struct legs *legs, uint32_t vpc, uint32_t peering)
{
    if (legs->question->source == legs->question->eni) {
        return REACH_AT_ITSELF;
    }
    if ((vpc == REACH_NONE || legs->vpc == REACH_NONE) && legs->model->unread[REACH_SUBNET]) {
        return REACH_AT_UNREAD_PEER;
    }
    return vpc != REACH_NONE && (vpc == legs->vpc || peering != REACH_NONE) ? REACH_AT_SUBNET : REACH_AT_ELSEWHERE;
}

static void legs_of_eni(struct legs *legs)
{
    const struct reach_eni *source = &legs->model->enis.items[legs->question->source];
    uint32_t vpc = reach_model_vpc_of(legs->model, source);
    uint32_t peering =
        vpc == legs->vpc || vpc == REACH_NONE ? REACH_NONE : peering_between(legs->model, legs->vpc, vpc);
    struct reach_leg *leg = legs_push(legs, place_of_eni(legs, vpc, peering));

    if (leg == NULL) {
        return;
    }
    for (size_t i = 0; i < source->addresses.count; i++) {
        if (source->addresses.items[i].prefix.addr.is_ipv6 == legs->is_ipv6) {
            span_set_add_prefix(&leg->sources, &source->addresses.items[i].prefix);
        }
    }
    leg->subnet = source->subnet.at;
    leg->source = legs->question->source;
    leg->peering = peering;
    if (legs->question->client.last == 0 && source->client.last != 0) {
        leg->client = source->client;
    }
}

int reach_legs_of(struct reach_engine *engine, const struct reach_question *question, struct reach_leg **ret_legs,
                  size_t *ret_count)
{
    const struct reach_model *model = reach_engine_model(engine);
    const struct reach_eni *eni = &model->enis.items[question->eni];
    struct legs legs = {
        .engine = engine,
        .model = model,
        .question = question,
        .eni = eni,
        .is_ipv6 = eni->addresses.items[question->address].prefix.addr.is_ipv6,
        .vpc = reach_model_vpc_of(model, eni),
    };

    if (question->from == REACH_FROM_WORLD) {
        legs_of_world(&legs);
    } else if (question->from == REACH_FROM_ENI) {
        legs_of_eni(&legs);
    } else if (question->prefix.addr.is_ipv6 == legs.is_ipv6) {
        struct span span = span_of_prefix(&question->prefix);
        struct span_set asked = span_set_of(&span);
        legs_of_prefix(&legs, &asked);
    }
    for (size_t i = 0; i < legs.count; i++) {
        legs.failed |= legs.items[i].sources.failed;
    }
    if (legs.failed) {
        for (size_t i = 0; i < legs.count; i++) {
            reach_leg_done(&legs.items[i]);
        }
        free(legs.items);
        return -ENOMEM;
    }
    *ret_legs = legs.items;
    *ret_count = legs.count;
    return 0;
}
