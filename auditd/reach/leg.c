#include "auditd/reach/leg.h"

#include <errno.h>
#include <stdlib.h>

/* The rules that one side's interface or subnet lays in the way; `unsure` where they are not known. */
struct side_rules {
    const struct reach_bands *bands; /* NULL: nothing is asked */
    struct reach_bands joined;       /* where several groups come together */
    bool unsure;                     /* there may be more that admit */
};

/* A share of the ports that answers may go to. */
struct back_part {
    double weight;
    struct span_set sure;
};

struct walk {
    struct reach_engine *engine;
    const struct reach_model *model;
    const struct reach_leg *leg;
    const struct reach_eni *eni;
    span_value target;
    bool is_ipv6;
    bool crosses; /* a subnet's border */
    bool failed;
    struct span_set whole;
    struct span whole_span;
    struct reach_tri in;                   /* the sources, less what does not depend on the port */
    struct side_rules groups, acl;         /* of the destination, inbound */
    struct side_rules far_groups, far_acl; /* of the source, outbound */
    struct reach_tri full, some;           /* the sources that all, or any, answers reach */
    struct back_part *parts;
    size_t part_count;
};

void reach_leg_done(struct reach_leg *leg)
{
    span_set_done(&leg->sources);
}

void reach_cell_done(struct reach_cell *cell)
{
    for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
        span_set_done(&cell->sources[verdict]);
    }
}

void reach_cells_done(struct reach_cells *cells)
{
    for (size_t i = 0; i < cells->count; i++) {
        reach_cell_done(&cells->items[i]);
    }
    free(cells->items);
    *cells = (struct reach_cells){0};
}

enum reach_hop reach_leg_hop(const struct reach_leg *leg)
{
    switch (leg->place) {
    case REACH_AT_INTERNET:
        return REACH_HOP_INTERNET;
    case REACH_AT_SUBNET:
    case REACH_AT_UNREAD_PEER:
    case REACH_AT_BALANCER:
    case REACH_AT_ITSELF:
        return leg->peering == REACH_NONE ? REACH_HOP_LOCAL : REACH_HOP_PEERING;
    case REACH_AT_NO_SUBNET:
    case REACH_AT_ELSEWHERE:
        break;
    }
    return REACH_HOP_UNMODELED;
}

/* The addresses that the subnet's table sends by the leg's exit. */
static void ways_by(struct walk *walk, uint32_t subnet, enum reach_hop hop, uint32_t via, struct reach_tri *tri)
{
    struct reach_exit way_out = {hop, via};

    walk->failed |= reach_routes_by(walk->engine, subnet, walk->is_ipv6, way_out, tri) < 0;
}

/* ---- the rules of either side ---- */

static struct reach_aspect walk_aspect(const struct walk *walk, bool egress)
{
    return (struct reach_aspect){.proto = walk->leg->proto, .egress = egress, .is_ipv6 = walk->is_ipv6};
}

static void rules_of_acl(struct walk *walk, uint32_t subnet, bool egress, struct side_rules *rules)
{
    uint32_t acl = subnet == REACH_NONE ? REACH_NONE : walk->model->subnets.items[subnet].acl.at;

    rules->unsure = acl == REACH_NONE;
    if (acl != REACH_NONE) {
        rules->bands = reach_engine_acl(walk->engine, acl, walk_aspect(walk, egress));
        walk->failed |= rules->bands == NULL;
    }
}

static int rules_join(struct walk *walk, const struct reach_eni *eni, bool egress, struct side_rules *rules)
{
    const struct reach_bands **parts = calloc(eni->groups.count + 1, sizeof(*parts));
    size_t count = 0;
    int rc = parts == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < eni->groups.count; i++) {
        if (eni->groups.items[i].at == REACH_NONE) {
            rules->unsure = true;
            continue;
        }
        parts[count] = reach_engine_group(walk->engine, eni->groups.items[i].at, walk_aspect(walk, egress));
        rc = parts[count++] == NULL ? -ENOMEM : 0;
    }
    if (rc == 0 && count == 1) {
        rules->bands = parts[0];
    } else if (rc == 0) {
        rc = reach_bands_join(parts, count, &rules->joined);
        rules->bands = rc == 0 ? &rules->joined : NULL;
    }
    free(parts);
    return rc;
}

/* Of an interface that admits all, nothing is asked. */
static void rules_of_groups(struct walk *walk, const struct reach_eni *eni, bool egress, struct side_rules *rules)
{
    if (!eni->admits_all) {
        walk->failed |= rules_join(walk, eni, egress, rules) < 0;
    }
}

/* Which addresses a band of the groups admits, for who stands where the leg begins. */
static void band_tri(const struct walk *walk, const struct side_rules *rules, const struct reach_band *band,
                     struct reach_tri *tri)
{
    const struct reach_leg *leg = walk->leg;
    bool inside = leg->place == REACH_AT_SUBNET || leg->place == REACH_AT_UNREAD_PEER;
    bool by_node = leg->place == REACH_AT_BALANCER && span_set_has(&band->members, leg->node);

    span_set_copy(&tri->sure, by_node ? &walk->whole : &band->open);
    if (inside) {
        span_set_or(&tri->sure, &band->members);
    }
    if (rules->unsure || band->open_unsure || (band->members_unsure && (inside || leg->place == REACH_AT_BALANCER))) {
        span_set_copy(&tri->maybe, &walk->whole);
    } else {
        span_set_copy(&tri->maybe, &tri->sure);
    }
}

/* Whether a band of the source's groups admits the destination. */
static enum reach_maybe band_point(const struct walk *walk, const struct side_rules *rules,
                                   const struct reach_band *band)
{
    bool inside = walk->leg->place == REACH_AT_SUBNET || walk->leg->place == REACH_AT_BALANCER;

    if (span_set_has(&band->open, walk->target) || (inside && span_set_has(&band->members, walk->target))) {
        return REACH_YES;
    }
    return rules->unsure || band->open_unsure || (inside && band->members_unsure) ? REACH_PERHAPS : REACH_NO;
}

/* ---- the way there, as far as no port matters ---- */

static void walk_in_door(struct walk *walk)
{
    const struct reach_leg *leg = walk->leg;
    const char *stage;
    uint32_t vpc = reach_model_vpc_of(walk->model, walk->eni);
    struct reach_tri route = {0};

    reach_tri_limit(&walk->in, reach_internet_door(walk->engine, leg->eni, leg->address, &stage));
    if (walk->in.maybe.count > 0) {
        ways_by(walk, walk->eni->subnet.at, REACH_HOP_INTERNET,
                vpc == REACH_NONE ? REACH_NONE : walk->model->vpcs.items[vpc].gateway, &route);
        reach_tri_and(&walk->in, &route);
    }
    reach_tri_done(&route);
}

/* The route from the source's subnet to the destination. */
static void walk_in_forward(struct walk *walk)
{
    struct reach_tri route = {0};

    ways_by(walk, walk->leg->subnet, reach_leg_hop(walk->leg), walk->leg->peering, &route);
    reach_tri_limit(&walk->in, reach_tri_at(&route, walk->target));
    reach_tri_done(&route);
}

static void walk_in_elsewhere(struct walk *walk)
{
    struct reach_tri route = {0};

    ways_by(walk, walk->eni->subnet.at, REACH_HOP_UNMODELED, REACH_NONE, &route);
    reach_tri_and(&walk->in, &route);
    reach_tri_limit(&walk->in, REACH_PERHAPS);
    if (walk->leg->subnet != REACH_NONE) {
        walk_in_forward(walk);
    }
    reach_tri_done(&route);
}

static void walk_in(struct walk *walk)
{
    const struct reach_leg *leg = walk->leg;

    reach_tri_fill(&walk->in, &leg->sources);
    reach_tri_limit(&walk->in, walk->eni->attached ? REACH_YES : REACH_NO);
    reach_tri_limit(&walk->in, walk->eni->assumed ? REACH_PERHAPS : REACH_YES);
    switch (leg->place) {
    case REACH_AT_INTERNET:
        walk_in_door(walk);
        break;
    case REACH_AT_SUBNET:
    case REACH_AT_BALANCER:
        if (walk->crosses) {
            walk_in_forward(walk);
        }
        break;
    case REACH_AT_UNREAD_PEER:
        reach_tri_limit(&walk->in, REACH_PERHAPS);
        break;
    case REACH_AT_NO_SUBNET:
        reach_tri_limit(&walk->in, walk->model->unread[REACH_SUBNET] ? REACH_PERHAPS : REACH_NO);
        break;
    case REACH_AT_ELSEWHERE:
        walk_in_elsewhere(walk);
        break;
    case REACH_AT_ITSELF:
        break;
    }
    if (leg->peering != REACH_NONE && !walk->model->peerings.items[leg->peering].active) {
        reach_tri_limit(&walk->in, REACH_NO);
    }
}

/* ---- the way back ---- */

uint16_t reach_echo_request(bool is_ipv6)
{
    return is_ipv6 ? 128 << 8 : 8 << 8;
}

uint16_t reach_echo_reply(bool is_ipv6)
{
    return is_ipv6 ? 129 << 8 : 0;
}

static bool leg_is_icmp(const struct reach_leg *leg)
{
    return leg->proto == REACH_ICMP || leg->proto == REACH_ICMPV6;
}

struct reach_ports reach_leg_return_ports(const struct reach_leg *leg, bool is_ipv6)
{
    uint16_t reply = reach_echo_reply(is_ipv6);

    if (leg_is_icmp(leg)) {
        return (struct reach_ports){reply, reply};
    }
    if (leg->proto != REACH_TCP && leg->proto != REACH_UDP) {
        return (struct reach_ports){0, UINT16_MAX};
    }
    return leg->client;
}

/* The route that answers take; of what came by the internet's gateway it was looked at on the way in. */
static void back_route(struct walk *walk, struct reach_tri *ret_route)
{
    enum reach_place place = walk->leg->place;

    if (walk->crosses && (place == REACH_AT_SUBNET || place == REACH_AT_UNREAD_PEER)) {
        ways_by(walk, walk->eni->subnet.at, reach_leg_hop(walk->leg), walk->leg->peering, ret_route);
    } else {
        reach_tri_fill(ret_route, &walk->whole);
    }
}

/* The sources that answers to these ports reach, by both ACLs and the route. */
static void back_at(struct walk *walk, const struct side_rules *out, const struct side_rules *far_in, uint16_t port,
                    struct reach_tri *tri)
{
    enum reach_maybe far = REACH_YES;

    if (far_in->bands != NULL) {
        far = span_set_has(&reach_bands_at(far_in->bands, port)->open, walk->target) ? REACH_YES : REACH_NO;
    } else if (far_in->unsure) {
        far = REACH_PERHAPS;
    }
    if (out->bands != NULL) {
        span_set_and(&tri->sure, &reach_bands_at(out->bands, port)->open);
        span_set_and(&tri->maybe, &reach_bands_at(out->bands, port)->open);
    } else if (out->unsure) {
        reach_tri_limit(tri, REACH_PERHAPS);
    }
    reach_tri_limit(tri, far);
}

static uint16_t rules_end(const struct side_rules *rules, uint16_t port, uint16_t end)
{
    uint16_t last = rules->bands == NULL ? UINT16_MAX : reach_bands_at(rules->bands, port)->ports.last;

    return last < end ? last : end;
}

static void back_take(struct walk *walk, double weight, struct reach_tri *tri)
{
    struct back_part *parts = realloc(walk->parts, (walk->part_count + 1) * sizeof(*parts));

    if (parts == NULL) {
        walk->failed = true;
        return;
    }
    walk->parts = parts;
    if (walk->part_count == 0) {
        span_set_copy(&walk->full.sure, &tri->sure);
        span_set_copy(&walk->full.maybe, &tri->maybe);
    } else {
        reach_tri_and(&walk->full, tri);
    }
    span_set_or(&walk->some.sure, &tri->sure);
    span_set_or(&walk->some.maybe, &tri->maybe);
    parts[walk->part_count++] = (struct back_part){weight, tri->sure};
    tri->sure = (struct span_set){0};
}

static bool walk_has_far_side(const struct walk *walk)
{
    enum reach_place place = walk->leg->place;

    return walk->crosses && (place == REACH_AT_SUBNET || place == REACH_AT_UNREAD_PEER || place == REACH_AT_BALANCER);
}

static void walk_back(struct walk *walk)
{
    struct reach_ports ports = reach_leg_return_ports(walk->leg, walk->is_ipv6);
    struct side_rules out = {0};
    struct side_rules far_in = {0};
    struct reach_tri route = {0};

    back_route(walk, &route);
    if (walk->crosses) {
        rules_of_acl(walk, walk->eni->subnet.at, true, &out);
    }
    if (walk_has_far_side(walk)) {
        rules_of_acl(walk, walk->leg->subnet, false, &far_in);
    }
    for (uint32_t port = ports.first; port <= ports.last && !walk->failed;) {
        uint16_t end = rules_end(&far_in, (uint16_t)port, rules_end(&out, (uint16_t)port, ports.last));
        struct reach_tri tri = {0};
        span_set_copy(&tri.sure, &route.sure);
        span_set_copy(&tri.maybe, &route.maybe);
        back_at(walk, &out, &far_in, (uint16_t)port, &tri);
        back_take(walk, (double)(end - port + 1) / (ports.last - ports.first + 1), &tri);
        reach_tri_done(&tri);
        port = (uint32_t)end + 1;
    }
    reach_tri_done(&route);
}

/* ---- cells ---- */

static double cell_return_share(const struct walk *walk, const struct reach_cell *cell)
{
    struct span_set got = {0};
    double total;
    double share = 0;

    span_set_copy(&got, &cell->sources[REACH_REACHABLE]);
    span_set_or(&got, &cell->sources[REACH_CONDITIONAL]);
    total = span_set_size(&got);
    if (cell->sources[REACH_CONDITIONAL].count == 0) {
        share = total > 0 ? 1 : 0;
    }
    for (size_t i = 0; cell->sources[REACH_CONDITIONAL].count > 0 && i < walk->part_count; i++) {
        struct span_set part = {0};
        span_set_copy(&part, &got);
        span_set_and(&part, &walk->parts[i].sure);
        share += walk->parts[i].weight * span_set_size(&part) / total;
        span_set_done(&part);
    }
    span_set_done(&got);
    return share;
}

/* Sorts the sources that get in (which are taken) by whether answers return. */
static void cell_sort(const struct walk *walk, struct reach_tri *in, bool answers, struct reach_cell *cell)
{
    struct span_set *sources = cell->sources;

    span_set_copy(&sources[REACH_REACHABLE], &in->sure);
    span_set_copy(&sources[REACH_UNKNOWN], &in->maybe);
    if (answers) {
        span_set_and(&sources[REACH_REACHABLE], &walk->full.sure);
        span_set_copy(&sources[REACH_CONDITIONAL], &in->sure);
        span_set_and(&sources[REACH_CONDITIONAL], &walk->some.sure);
        span_set_minus(&sources[REACH_CONDITIONAL], &sources[REACH_REACHABLE]);
        span_set_copy(&sources[REACH_BLOCKED_RETURN], &in->maybe);
        span_set_minus(&sources[REACH_BLOCKED_RETURN], &walk->some.maybe);
        span_set_and(&sources[REACH_UNKNOWN], &walk->some.maybe);
    }
    span_set_minus(&sources[REACH_UNKNOWN], &sources[REACH_REACHABLE]);
    span_set_minus(&sources[REACH_UNKNOWN], &sources[REACH_CONDITIONAL]);
    cell->return_share = answers ? cell_return_share(walk, cell) : 1;
}

/* All that depends on the asked port. */
static void cell_in(struct walk *walk, uint16_t port, struct reach_tri *in)
{
    struct reach_tri groups = {0};

    if (walk->groups.bands != NULL) {
        band_tri(walk, &walk->groups, reach_bands_at(walk->groups.bands, port), &groups);
        if (groups.maybe.count == 0) {
            walk->failed |= groups.maybe.failed;
            reach_tri_done(&groups);
            return;
        }
    }
    span_set_copy(&in->sure, &walk->in.sure);
    span_set_copy(&in->maybe, &walk->in.maybe);
    if (walk->groups.bands != NULL) {
        reach_tri_and(in, &groups);
    }
    reach_tri_done(&groups);
    if (walk->acl.bands != NULL) {
        span_set_and(&in->sure, &reach_bands_at(walk->acl.bands, port)->open);
        span_set_and(&in->maybe, &reach_bands_at(walk->acl.bands, port)->open);
    } else if (walk->acl.unsure) {
        reach_tri_limit(in, REACH_PERHAPS);
    }
    if (walk->far_groups.bands != NULL) {
        reach_tri_limit(in, band_point(walk, &walk->far_groups, reach_bands_at(walk->far_groups.bands, port)));
    }
    if (walk->far_acl.bands != NULL) {
        reach_tri_limit(in, span_set_has(&reach_bands_at(walk->far_acl.bands, port)->open, walk->target) ? REACH_YES
                                                                                                         : REACH_NO);
    } else if (walk->far_acl.unsure) {
        reach_tri_limit(in, REACH_PERHAPS);
    }
}

/* The last port for which the same rules decide as for this one. */
static uint16_t walk_end(const struct walk *walk, uint16_t port)
{
    uint16_t end = rules_end(&walk->groups, port, walk->leg->ports.last);
    uint16_t echo = reach_echo_request(walk->is_ipv6);

    end = rules_end(&walk->acl, port, end);
    end = rules_end(&walk->far_groups, port, end);
    end = rules_end(&walk->far_acl, port, end);
    if (leg_is_icmp(walk->leg) && port <= echo && end >= echo) {
        end = port == echo ? echo : (uint16_t)(echo - 1);
    }
    return end;
}

static bool cells_same(const struct reach_cell *a, const struct reach_cell *b)
{
    for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
        if (!span_set_equal(&a->sources[verdict], &b->sources[verdict])) {
            return false;
        }
    }
    return a->return_share == b->return_share;
}

/* Takes the cell; neighbours that are the same become one. */
static void cells_take(struct walk *walk, struct reach_cells *cells, struct reach_cell *cell)
{
    struct reach_cell *last = cells->count == 0 ? NULL : &cells->items[cells->count - 1];
    struct reach_cell *items;

    for (int verdict = 0; verdict < REACH_VERDICTS; verdict++) {
        walk->failed |= cell->sources[verdict].failed;
    }
    if (last != NULL && cells_same(last, cell)) {
        last->ports.last = cell->ports.last;
        reach_cell_done(cell);
        return;
    }
    items = (cells->count & (cells->count - 1)) == 0
                ? realloc(cells->items, (cells->count == 0 ? 1 : cells->count * 2) * sizeof(*items))
                : cells->items;
    if (items == NULL) {
        walk->failed = true;
        reach_cell_done(cell);
        return;
    }
    cells->items = items;
    items[cells->count++] = *cell;
}

static void walk_cells(struct walk *walk, struct reach_cells *cells)
{
    const struct reach_leg *leg = walk->leg;
    uint16_t echo = reach_echo_request(walk->is_ipv6);

    for (uint32_t port = leg->ports.first; port <= leg->ports.last && !walk->failed;) {
        uint16_t end = walk_end(walk, (uint16_t)port);
        struct reach_cell cell = {.ports = {(uint16_t)port, end}};
        struct reach_tri in = {0};
        if (walk->in.maybe.count > 0) {
            cell_in(walk, (uint16_t)port, &in);
        }
        if (in.maybe.count > 0) {
            cell_sort(walk, &in, !leg_is_icmp(leg) || port == echo, &cell);
        }
        walk->failed |= in.maybe.failed || in.sure.failed;
        cells_take(walk, cells, &cell);
        reach_tri_done(&in);
        port = (uint32_t)end + 1;
    }
}

static void walk_done(struct walk *walk)
{
    for (size_t i = 0; i < walk->part_count; i++) {
        span_set_done(&walk->parts[i].sure);
    }
    free(walk->parts);
    reach_tri_done(&walk->in);
    reach_tri_done(&walk->full);
    reach_tri_done(&walk->some);
    reach_bands_done(&walk->groups.joined);
    reach_bands_done(&walk->far_groups.joined);
}

static void walk_rules(struct walk *walk)
{
    const struct reach_leg *leg = walk->leg;

    if (leg->place != REACH_AT_ITSELF) {
        rules_of_groups(walk, walk->eni, false, &walk->groups);
    }
    if (walk->crosses) {
        rules_of_acl(walk, walk->eni->subnet.at, false, &walk->acl);
    }
    if (walk_has_far_side(walk)) {
        rules_of_acl(walk, leg->subnet, true, &walk->far_acl);
    }
    if (leg->source != REACH_NONE && leg->place != REACH_AT_ITSELF) {
        rules_of_groups(walk, &walk->model->enis.items[leg->source], true, &walk->far_groups);
    }
}

int reach_leg_cells(struct reach_engine *engine, const struct reach_leg *leg, struct reach_cells *ret_cells)
{
    const struct reach_model *model = reach_engine_model(engine);
    const struct reach_eni *eni = &model->enis.items[leg->eni];
    const struct addr *address = &eni->addresses.items[leg->address].prefix.addr;
    struct reach_cells cells = {0};
    struct walk walk = {
        .engine = engine,
        .model = model,
        .leg = leg,
        .eni = eni,
        .target = span_value_of(address),
        .is_ipv6 = address->is_ipv6,
        .crosses = leg->place != REACH_AT_ITSELF && (leg->subnet == REACH_NONE || leg->subnet != eni->subnet.at),
    };

    walk.whole_span = span_all(walk.is_ipv6);
    walk.whole = span_set_of(&walk.whole_span);
    walk_in(&walk);
    if (walk.in.maybe.count > 0) {
        walk_rules(&walk);
        walk_back(&walk);
    }
    if (!walk.failed && !walk.in.maybe.failed && !walk.in.sure.failed) {
        walk_cells(&walk, &cells);
    } else {
        walk.failed = true;
    }
    walk_done(&walk);
    if (walk.failed) {
        reach_cells_done(&cells);
        return -ENOMEM;
    }
    *ret_cells = cells;
    return 0;
}
