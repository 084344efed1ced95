#include "tests/unit/auditd/reach/draw.h"

#include "tests/unit/auditd/reach/made.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* splitmix64, as the seeds of other tests. */
int draw_below(uint64_t *source, int below)
{
    uint64_t mixed = *source += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int)((mixed ^ (mixed >> 31)) % (uint64_t)below);
}

static bool often(uint64_t *source)
{
    return draw_below(source, 8) != 0;
}

static bool seldom(uint64_t *source)
{
    return draw_below(source, 12) == 0;
}

static struct b_addr four(int a, int b, int c, int d)
{
    return (struct b_addr){.bytes = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}

/* Of VPC and subnet, as draw_world() lays them out. */
static struct b_addr six(int vpc, int subnet, int host)
{
    return (struct b_addr){.bytes = {0x26, 0, 0, 1, 0, 2, (uint8_t)vpc, (uint8_t)subnet, [15] = (uint8_t)host},
                           .six = true};
}

static const int PORTS[] = {0, 22, 80, 443, 1024, 1030, 2048, 2051, 32768, 32800, 33024, 60999, 65535};

int draw_port(uint64_t *source)
{
    int port = PORTS[draw_below(source, sizeof(PORTS) / sizeof(*PORTS))] + draw_below(source, 3) - 1;

    return port < 0 ? 0 : port > UINT16_MAX ? UINT16_MAX : port;
}

static void draw_range(uint64_t *source, int *ret_first, int *ret_last)
{
    int a = draw_below(source, 4) == 0 ? 0 : PORTS[draw_below(source, 13)];
    int b = draw_below(source, 3) == 0 ? UINT16_MAX : PORTS[draw_below(source, 13)];

    *ret_first = a < b ? a : b;
    *ret_last = a < b ? b : a;
}

static int draw_proto(uint64_t *source, bool is_six)
{
    static const int protos[] = {6, 6, 6, 6, 17, 17, 1, 50};
    int proto = protos[draw_below(source, 8)];

    return proto == 1 && is_six ? 58 : proto;
}

static struct b_addr draw_four(uint64_t *source)
{
    switch (draw_below(source, 6)) {
    case 0:
        return four(203, 0, 113, draw_below(source, 2) * 128);
    case 1:
        return four(198, 51, 100, draw_below(source, 256));
    case 2:
        return four(8 + draw_below(source, 4), 0, 0, draw_below(source, 2));
    case 3:
        return four(192, 168, draw_below(source, 2), 1);
    default:
        return four(10, draw_below(source, 4), draw_below(source, 3),
                    draw_below(source, 2) == 0 ? 0 : 4 + draw_below(source, 9));
    }
}

struct b_addr draw_addr(uint64_t *source, bool is_six)
{
    if (!is_six) {
        return draw_four(source);
    }
    if (draw_below(source, 3) == 0) {
        return (struct b_addr){.bytes = {0x2a, (uint8_t)draw_below(source, 3), [15] = 1}, .six = true};
    }
    return six(draw_below(source, 4), draw_below(source, 3),
               draw_below(source, 2) == 0 ? 0 : 4 + draw_below(source, 9));
}

static struct b_net draw_net(uint64_t *source, bool is_six)
{
    static const int bits[2][8] = {{0, 0, 0, 8, 16, 24, 25, 32}, {0, 0, 0, 8, 32, 56, 64, 128}};
    struct b_net net = {.base = draw_addr(source, is_six), .bits = bits[is_six][draw_below(source, 8)]};

    for (int bit = net.bits; bit < 128; bit++) {
        net.base.bytes[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
    }
    return net;
}

/* ---- the records ---- */

/* Random rules alone would let nearly nothing through: most lists end with entries that let much through. */
static void open_acl(uint64_t *source, struct b_world *world, int acl)
{
    for (int j = 0; j < 4 && world->acls[acl].count < B_ENTRIES; j++) {
        struct b_entry *entry = &world->acls[acl].entries[world->acls[acl].count];
        if (!often(source)) {
            continue;
        }
        *entry =
            (struct b_entry){.out = j % 2 == 0, .allow = true, .number = 1000 + j, .proto = B_ALL, .last = UINT16_MAX};
        entry->net.base.six = j / 2 == 1;
        if (draw_below(source, 4) == 0) {
            entry->proto = 6;
            draw_range(source, &entry->first, &entry->last);
        }
        world->acls[acl].count++;
    }
}

static void draw_acls(uint64_t *source, struct b_world *world)
{
    for (int i = 0; i < B_ACLS; i++) {
        world->acls[i].count = draw_below(source, B_RULES + 1);
        for (int j = 0; j < world->acls[i].count; j++) {
            struct b_entry *entry = &world->acls[i].entries[j];
            bool is_six = draw_below(source, 3) == 0;
            *entry = (struct b_entry){
                .out = j % 2 == 0,
                .allow = draw_below(source, 4) != 0,
                /* Numbers are one of a kind within their direction. */
                .number = 100 + draw_below(source, 50) * B_RULES + j,
                .proto = draw_below(source, 2) == 0 ? B_ALL : draw_proto(source, is_six),
                .net = draw_net(source, is_six),
            };
            draw_range(source, &entry->first, &entry->last);
        }
        open_acl(source, world, i);
    }
}

static void draw_groups(uint64_t *source, struct b_world *world)
{
    for (int i = 0; i < B_GROUPS; i++) {
        world->groups[i].vpc = i % B_VPCS;
        world->groups[i].count = draw_below(source, B_RULES + 1);
        for (int j = 0; j < world->groups[i].count; j++) {
            struct b_rule *rule = &world->groups[i].rules[j];
            bool is_six = draw_below(source, 3) == 0;
            int kind = draw_below(source, 8);
            *rule = (struct b_rule){
                .out = j % 3 == 0,
                .proto = draw_below(source, 3) == 0 ? B_ALL : draw_proto(source, is_six),
                .kind = kind < 5   ? B_NET
                        : kind < 6 ? B_LIST
                                   : B_GROUP,
                .net = draw_net(source, is_six),
                .foreign = seldom(source),
            };
            draw_range(source, &rule->first, &rule->last);
            if (often(source) && draw_below(source, 2) == 0) {
                rule->net = (struct b_net){.base.six = draw_below(source, 3) == 0};
            }
            if (j < 2 && draw_below(source, 2) == 0) {
                *rule = (struct b_rule){.out = j == 0, .proto = B_ALL, .last = UINT16_MAX};
                rule->net.base.six = draw_below(source, 3) == 0;
            }
            rule->ref = draw_below(source, (rule->kind == B_LIST ? B_LISTS : B_GROUPS) * 4);
            rule->ref = seldom(source) ? 99 : rule->ref % (rule->kind == B_LIST ? B_LISTS : B_GROUPS);
        }
    }
}

static void draw_lists(uint64_t *source, struct b_world *world)
{
    for (int i = 0; i < B_LISTS; i++) {
        world->lists[i].read = often(source);
        world->lists[i].count = draw_below(source, B_LIST_ENTRIES + 1);
        for (int j = 0; j < world->lists[i].count; j++) {
            world->lists[i].entries[j] = draw_net(source, draw_below(source, 3) == 0);
        }
    }
}

static void draw_route(uint64_t *source, struct b_route *route)
{
    static const enum b_hop hops[] = {B_INTERNET, B_INTERNET, B_NAT, B_EGRESS, B_PEER, B_PEER, B_BOX};

    *route = (struct b_route){
        .hop = hops[draw_below(source, 7)],
        .dead = seldom(source),
        .list = B_NONE,
        .net = draw_net(source, draw_below(source, 3) == 0),
        .peering = draw_below(source, B_PEERINGS),
    };
    if (draw_below(source, 8) == 0) {
        route->rank = B_PROPAGATED;
    } else if (draw_below(source, 8) == 0) {
        route->rank = B_STATIC_LIST;
        route->list = draw_below(source, B_LISTS);
        route->hop = draw_below(source, 2) == 0 ? B_SERVICE : route->hop;
    }
}

/* Mostly there is a way to the internet and to a peer, too. */
static void draw_way_out(uint64_t *source, struct b_world *world, int vpc)
{
    for (int j = 0; j < 2; j++) {
        if (often(source)) {
            world->vpcs[vpc].routes[world->vpcs[vpc].route_count++] =
                (struct b_route){.hop = B_INTERNET, .list = B_NONE, .net.base.six = j == 1};
        }
    }
    for (int j = 0; j < B_PEERINGS * 2; j++) {
        int far = vpc == 0 ? 1 + j / 2 : 0;
        struct b_route *route = &world->vpcs[vpc].routes[world->vpcs[vpc].route_count];
        if (draw_below(source, 4) != 0) {
            *route = (struct b_route){.hop = B_PEER, .list = B_NONE, .peering = vpc == 0 ? j / 2 : vpc - 1};
            route->net.base = j % 2 == 0 ? four(10, far, 0, 0) : six(far, 0, 0);
            route->net.bits = j % 2 == 0 ? 16 : 56;
            world->vpcs[vpc].route_count++;
        }
    }
}

static void draw_vpcs(uint64_t *source, struct b_world *world)
{
    for (int i = 0; i < B_VPCS; i++) {
        /* The third may have the second's addresses: both can be the first one's peer. */
        int plan = i == 2 && seldom(source) ? 1 : i;
        struct b_net both[2];
        world->vpcs[i].four = (struct b_net){four(10, plan, 0, 0), 16};
        world->vpcs[i].six = (struct b_net){six(plan, 0, 0), 56};
        world->vpcs[i].gateway = often(source);
        world->vpcs[i].edge = seldom(source);
        world->vpcs[i].has_table = draw_below(source, 20) != 0;
        both[0] = world->vpcs[i].four;
        both[1] = world->vpcs[i].six;
        for (int j = 0; j < 2; j++) {
            world->vpcs[i].routes[j] = (struct b_route){.hop = B_LOCAL, .list = B_NONE, .net = both[j]};
            world->subnets[i * 2 + j].vpc = i;
            world->subnets[i * 2 + j].acl = seldom(source) ? B_NONE : draw_below(source, B_ACLS);
            world->subnets[i * 2 + j].zone = j;
            world->subnets[i * 2 + j].four = (struct b_net){four(10, plan, j, 0), 24};
            world->subnets[i * 2 + j].six = (struct b_net){six(plan, j, 0), 64};
        }
        world->vpcs[i].route_count = 2 + draw_below(source, B_ROUTES - 1) / 2;
        for (int j = 2; j < world->vpcs[i].route_count; j++) {
            draw_route(source, &world->vpcs[i].routes[j]);
        }
        draw_way_out(source, world, i);
    }
}

static void draw_enis(uint64_t *source, struct b_world *world)
{
    for (int i = 0; i < B_ENIS; i++) {
        int subnet = draw_below(source, B_SUBNETS);
        world->enis[i].subnet = subnet;
        world->enis[i].attached = often(source);
        world->enis[i].has_public = often(source);
        world->enis[i].admits_all = seldom(source);
        world->enis[i].four = world->subnets[subnet].four.base;
        world->enis[i].four.bytes[3] = (uint8_t)(4 + i);
        world->enis[i].six = world->subnets[subnet].six.base;
        world->enis[i].six.bytes[15] = (uint8_t)(4 + i);
        world->enis[i].groups[0] = draw_below(source, B_GROUPS);
        world->enis[i].groups[1] = draw_below(source, 2) == 0 ? B_NONE
                                   : seldom(source)           ? B_GROUPS
                                                              : draw_below(source, B_GROUPS);
        if (world->enis[i].groups[1] == world->enis[i].groups[0]) {
            world->enis[i].groups[1] = B_NONE;
        }
    }
}

void draw_world(uint64_t *source, struct b_world *world)
{
    *world = (struct b_world){0};
    draw_acls(source, world);
    draw_groups(source, world);
    draw_lists(source, world);
    draw_vpcs(source, world);
    draw_enis(source, world);
    for (int i = 0; i < B_PEERINGS; i++) {
        world->peerings[i].a = i == 0 ? 0 : 2;
        world->peerings[i].b = i == 0 ? 1 : 0;
        world->peerings[i].active = often(source);
        world->peerings[i].same_region = often(source);
    }
    world->blocks = seldom(source);
    world->excluded = often(source);
    world->block_unread = seldom(source);
    world->gateways_unread = seldom(source);
    world->groups_unread = seldom(source);
    world->balancer.node_count = 1 + draw_below(source, 2);
    world->balancer.nodes[0] = 0;
    world->balancer.nodes[1] = 1;
    world->balancer.port = draw_port(source);
    world->balancer.target = 2 + draw_below(source, B_ENIS - 2);
    world->balancer.target_port = draw_port(source);
    world->balancer.preserve = (enum b_sure)draw_below(source, 3);
    world->balancer.cross_zone = (enum b_sure)draw_below(source, 3);
}

void draw_question(uint64_t *source, struct b_question *question)
{
    *question = (struct b_question){
        .from = (enum b_from)draw_below(source, 3),
        .source = draw_below(source, B_ENIS),
        .eni = draw_below(source, B_ENIS),
        .six = draw_below(source, 3) == 0,
    };
    question->net = draw_net(source, question->six);
    if (draw_below(source, 2) == 0) {
        question->net = (struct b_net){.base.six = question->six};
    }
    question->proto = draw_proto(source, question->six);
    if (seldom(source)) {
        question->proto = B_UNNAMED;
    }
    draw_range(source, &question->client_first, &question->client_last);
    if (question->client_last == 0) {
        question->client_last = UINT16_MAX;
    }
}

/* ---- the module's model ---- */

struct addr draw_to_addr(struct b_addr addr)
{
    struct addr out = {.is_ipv6 = addr.six};

    memcpy(out.bytes, addr.bytes, addr.six ? 16 : 4);
    return out;
}

static struct prefix to_prefix(struct b_net net)
{
    return (struct prefix){draw_to_addr(net.base), (uint8_t)net.bits};
}

static struct reach_ref to_ref(struct reach_model *model, const char *kind, int number)
{
    char id[32];

    snprintf(id, sizeof(id), "%s-%d", kind, number);
    return (struct reach_ref){.id = number < 0 ? NULL : reach_model_text(model, id), .at = REACH_NONE};
}

static struct reach_ports to_ports(int first, int last)
{
    return (struct reach_ports){(uint16_t)first, (uint16_t)last};
}

static void model_acls(const struct b_world *world, struct reach_model *model)
{
    for (int i = 0; i < B_ACLS; i++) {
        struct reach_acl *acl = MADE_PUSH(model, &model->acls);
        acl->id = to_ref(model, "acl", i).id;
        for (int j = 0; j < world->acls[i].count; j++) {
            const struct b_entry *entry = &world->acls[i].entries[j];
            *MADE_PUSH(model, &acl->entries) = (struct reach_entry){
                .number = (uint32_t)entry->number,
                .proto = (int16_t)entry->proto,
                .egress = entry->out,
                .allow = entry->allow,
                .ports = to_ports(entry->first, entry->last),
                .prefix = to_prefix(entry->net),
            };
        }
    }
}

static void model_groups(const struct b_world *world, struct reach_model *model)
{
    for (int i = 0; i < B_GROUPS; i++) {
        struct reach_group *group = MADE_PUSH(model, &model->groups);
        group->id = to_ref(model, "sg", i).id;
        group->vpc = to_ref(model, "vpc", world->groups[i].vpc);
        for (int j = 0; j < world->groups[i].count; j++) {
            const struct b_rule *rule = &world->groups[i].rules[j];
            struct reach_rule *made = MADE_PUSH(model, &group->rules);
            *made = (struct reach_rule){
                .id = to_ref(model, "sgr", i * B_RULES + j).id,
                .proto = (int16_t)rule->proto,
                .egress = rule->out,
                .peer = rule->kind == B_NET    ? REACH_PEER_PREFIX
                        : rule->kind == B_LIST ? REACH_PEER_LIST
                                               : REACH_PEER_GROUP,
                .ports = to_ports(rule->first, rule->last),
                .prefix = to_prefix(rule->net),
                .foreign = rule->foreign,
            };
            made->ref = to_ref(model, rule->kind == B_LIST ? "pl" : "sg", rule->kind == B_NET ? -1 : rule->ref);
        }
    }
}

static void model_route(struct reach_model *model, struct reach_table *table, const struct b_route *route, int vpc)
{
    static const enum reach_hop hops[] = {
        [B_LOCAL] = REACH_HOP_LOCAL,        [B_INTERNET] = REACH_HOP_INTERNET, [B_NAT] = REACH_HOP_NAT,
        [B_EGRESS] = REACH_HOP_EGRESS_ONLY, [B_PEER] = REACH_HOP_PEERING,      [B_SERVICE] = REACH_HOP_SERVICE,
        [B_BOX] = REACH_HOP_UNMODELED,
    };
    struct reach_route *made = MADE_PUSH(model, &table->routes);

    made->hop = hops[route->hop];
    made->rank = (enum reach_rank)route->rank;
    made->blackhole = route->dead;
    made->prefix = to_prefix(route->net);
    made->list = to_ref(model, "pl", route->list);
    made->via = route->hop == B_PEER ? to_ref(model, "pcx", route->peering) : to_ref(model, "igw", vpc);
}

static void model_vpcs(const struct b_world *world, struct reach_model *model)
{
    for (int i = 0; i < B_VPCS; i++) {
        struct reach_vpc *vpc = MADE_PUSH(model, &model->vpcs);
        vpc->id = to_ref(model, "vpc", i).id;
        *MADE_PUSH(model, &vpc->prefixes) = to_prefix(world->vpcs[i].four);
        *MADE_PUSH(model, &vpc->prefixes) = to_prefix(world->vpcs[i].six);
        if (world->vpcs[i].has_table) {
            struct reach_table *table = MADE_PUSH(model, &model->tables);
            table->id = to_ref(model, "rtb", i).id;
            table->vpc = to_ref(model, "vpc", i);
            table->is_main = true;
            for (int j = 0; j < world->vpcs[i].route_count; j++) {
                model_route(model, table, &world->vpcs[i].routes[j], i);
            }
        }
        if (world->vpcs[i].gateway) {
            struct reach_gateway *gateway = MADE_PUSH(model, &model->gateways);
            gateway->id = to_ref(model, "igw", i).id;
            gateway->vpc = to_ref(model, "vpc", i);
        }
        if (world->vpcs[i].gateway && world->vpcs[i].edge) {
            struct reach_table *edge = MADE_PUSH(model, &model->tables);
            edge->id = to_ref(model, "rtb-edge", i).id;
            edge->vpc = to_ref(model, "vpc", i);
            edge->edge = to_ref(model, "igw", i);
            model_route(model, edge, &(struct b_route){.hop = B_BOX, .list = B_NONE, .net = world->subnets[i * 2].four},
                        i);
            model_route(model, edge, &(struct b_route){.hop = B_BOX, .list = B_NONE, .net = world->subnets[i * 2].six},
                        i);
        }
    }
}

static void model_enis(const struct b_world *world, struct reach_model *model)
{
    for (int i = 0; i < B_ENIS; i++) {
        struct reach_eni *eni = MADE_PUSH(model, &model->enis);
        eni->id = to_ref(model, "eni", i).id;
        eni->subnet = to_ref(model, "subnet", world->enis[i].subnet);
        eni->attached = world->enis[i].attached;
        eni->admits_all = world->enis[i].admits_all;
        *MADE_PUSH(model, &eni->addresses) = (struct reach_address){.prefix = {draw_to_addr(world->enis[i].four), 32},
                                                                    .is_public = world->enis[i].has_public};
        *MADE_PUSH(model, &eni->addresses) =
            (struct reach_address){.prefix = {draw_to_addr(world->enis[i].six), 128}, .is_public = true};
        for (int j = 0; j < 2; j++) {
            if (world->enis[i].groups[j] != B_NONE) {
                *MADE_PUSH(model, &eni->groups) =
                    to_ref(model, world->enis[i].groups[j] == B_GROUPS ? "sg-unread" : "sg", world->enis[i].groups[j]);
            }
        }
    }
}

static void model_balancer(const struct b_world *world, struct reach_model *model)
{
    struct reach_balancer *balancer = MADE_PUSH(model, &model->balancers);
    struct reach_listener *listener = MADE_PUSH(model, &balancer->listeners);
    struct reach_targets *targets = MADE_PUSH(model, &model->targets);

    balancer->id = "lb-0";
    balancer->cross_zone = (enum reach_maybe)world->balancer.cross_zone;
    for (int i = 0; i < world->balancer.node_count; i++) {
        *MADE_PUSH(model, &balancer->nodes) = to_ref(model, "eni", world->balancer.nodes[i]);
    }
    listener->port = (uint16_t)world->balancer.port;
    *MADE_PUSH(model, &listener->targets) = to_ref(model, "tg", 0);
    targets->id = "tg-0";
    targets->preserve = (enum reach_maybe)world->balancer.preserve;
    targets->is_read = true;
    *MADE_PUSH(model, &targets->targets) =
        (struct reach_target){to_ref(model, "eni", world->balancer.target), (uint16_t)world->balancer.target_port};
}

static void model_rest(const struct b_world *world, struct reach_model *model)
{
    for (int i = 0; i < B_SUBNETS; i++) {
        struct reach_subnet *subnet = MADE_PUSH(model, &model->subnets);
        subnet->id = to_ref(model, "subnet", i).id;
        subnet->zone = world->subnets[i].zone == 0 ? "a" : "b";
        subnet->vpc = to_ref(model, "vpc", world->subnets[i].vpc);
        subnet->acl = to_ref(model, "acl", world->subnets[i].acl);
        *MADE_PUSH(model, &subnet->prefixes) = to_prefix(world->subnets[i].four);
        *MADE_PUSH(model, &subnet->prefixes) = to_prefix(world->subnets[i].six);
    }
    for (int i = 0; i < B_LISTS; i++) {
        struct reach_list *list = MADE_PUSH(model, &model->lists);
        list->id = to_ref(model, "pl", i).id;
        list->is_read = world->lists[i].read;
        for (int j = 0; world->lists[i].read && j < world->lists[i].count; j++) {
            *MADE_PUSH(model, &list->entries) = to_prefix(world->lists[i].entries[j]);
        }
    }
    for (int i = 0; i < B_PEERINGS; i++) {
        struct reach_peering *peering = MADE_PUSH(model, &model->peerings);
        peering->id = to_ref(model, "pcx", i).id;
        peering->active = world->peerings[i].active;
        peering->sides[0].vpc = to_ref(model, "vpc", world->peerings[i].a);
        peering->sides[1].vpc = to_ref(model, "vpc", world->peerings[i].b);
        peering->sides[0].region = "eu-central-1";
        peering->sides[1].region = world->peerings[i].same_region ? "eu-central-1" : "us-east-1";
    }
}

void draw_model(const struct b_world *world, struct reach_model *model)
{
    int rc;

    *model = (struct reach_model){.blocks_public = world->blocks};
    model_acls(world, model);
    model_groups(world, model);
    model_vpcs(world, model);
    model_enis(world, model);
    model_balancer(world, model);
    model_rest(world, model);
    if (world->blocks && world->excluded) {
        *MADE_PUSH(model, &model->exclusions) = (struct reach_exclusion){.id = "vpc-0", .inbound = true};
    }
    model->unread[REACH_BLOCK] = world->block_unread;
    model->unread[REACH_GATEWAY] = world->gateways_unread;
    model->unread[REACH_GROUP] = world->groups_unread;
    rc = reach_model_finish(model);
    assert(rc == 0);
}
