#include "auditd/reach/proof.h"

#include "auditd/reach/leg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prover {
    struct reach_engine *engine;
    const struct reach_model *model;
    const struct reach_leg *leg;
    const struct reach_eni *eni;
    bool is_ipv6;
    bool crosses;
    struct prefix source, target; /* single addresses */
    struct reach_proof *proof;
    bool stopped; /* a step did not let it pass */
    bool is_answer;
};

/* ---- words ---- */

const char *reach_proto_name(uint16_t proto, char buffer[24])
{
    static const struct {
        uint16_t proto;
        const char *name;
    } names[] = {{REACH_TCP, "tcp"},
                 {REACH_UDP, "udp"},
                 {REACH_ICMP, "icmp"},
                 {REACH_ICMPV6, "icmpv6"},
                 {REACH_PROTO_UNNAMED, "other protocols"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].proto == proto) {
            return names[i].name;
        }
    }
    snprintf(buffer, 24, "protocol %u", proto);
    return buffer;
}

static bool proto_is_icmp(int proto)
{
    return proto == REACH_ICMP || proto == REACH_ICMPV6;
}

const char *reach_ports_name(int proto, struct reach_ports ports, char buffer[24])
{
    if (proto != REACH_TCP && proto != REACH_UDP && !proto_is_icmp(proto)) {
        return "";
    }
    if (ports.first == 0 && ports.last == UINT16_MAX) {
        return "all";
    }
    if (proto_is_icmp(proto) && ports.first == ports.last) {
        snprintf(buffer, 24, "%u/%u", ports.first >> 8, ports.first & 0xffU);
    } else if (proto_is_icmp(proto)) {
        snprintf(buffer, 24, "%u/%u-%u/%u", ports.first >> 8, ports.first & 0xffU, ports.last >> 8, ports.last & 0xffU);
    } else if (ports.first == ports.last) {
        snprintf(buffer, 24, "%u", ports.first);
    } else {
        snprintf(buffer, 24, "%u-%u", ports.first, ports.last);
    }
    return buffer;
}

const char *reach_traffic_name(int16_t proto, struct reach_ports ports, char buffer[64])
{
    char name[24];
    char range[24];

    if (proto == REACH_PROTO_ALL) {
        return "all traffic";
    }
    snprintf(buffer, 64, "%s %s", reach_proto_name((uint16_t)proto, name), reach_ports_name(proto, ports, range));
    return buffer;
}

/* ---- steps ---- */

__attribute__((format(printf, 5, 6))) static void say(struct prover *prover, const char *stage, const char *id,
                                                      enum reach_maybe passes, const char *format, ...)
{
    struct reach_proof *proof = prover->proof;
    struct reach_step *step = &proof->steps[proof->count];
    va_list arguments;

    if (prover->stopped || proof->count == REACH_STEPS_MAX) {
        return;
    }
    *step = (struct reach_step){.stage = stage, .id = id, .passes = passes, .is_answer = prover->is_answer};
    va_start(arguments, format);
    vsnprintf(step->text, sizeof(step->text), format, arguments);
    va_end(arguments);
    proof->count++;
    prover->stopped = passes == REACH_NO;
}

static bool covers(int16_t rule_proto, struct reach_ports ports, const struct prover *prover, uint16_t port)
{
    return (rule_proto == REACH_PROTO_ALL || rule_proto == prover->leg->proto) && ports.first <= port &&
           port <= ports.last;
}

/* ---- network ACLs ---- */

static const struct reach_entry *acl_decides(const struct prover *prover, const struct reach_acl *acl, bool egress,
                                             uint16_t port, const struct addr *peer)
{
    for (size_t i = 0; i < acl->entries.count; i++) {
        const struct reach_entry *entry = &acl->entries.items[i];
        if (entry->egress == egress && covers(entry->proto, entry->ports, prover, port) &&
            entry->prefix.addr.is_ipv6 == prover->is_ipv6 && prefix_contains(&entry->prefix, peer)) {
            return entry;
        }
    }
    return NULL;
}

static void prove_acl(struct prover *prover, uint32_t subnet, bool egress, uint16_t port, const struct addr *peer)
{
    uint32_t at = subnet == REACH_NONE ? REACH_NONE : prover->model->subnets.items[subnet].acl.at;
    const struct reach_acl *acl = at == REACH_NONE ? NULL : &prover->model->acls.items[at];
    const struct reach_entry *entry = acl == NULL ? NULL : acl_decides(prover, acl, egress, port, peer);
    const char *way = egress ? "out" : "in";
    char prefix[PREFIX_TEXT_SIZE];
    char traffic[64];

    if (acl == NULL) {
        say(prover, "acl", subnet == REACH_NONE ? NULL : prover->model->subnets.items[subnet].acl.id, REACH_PERHAPS,
            "%s: the network ACL of %s was not read", way,
            subnet == REACH_NONE ? "the other side's subnet" : prover->model->subnets.items[subnet].id);
    } else if (entry == NULL) {
        say(prover, "acl", acl->id, REACH_NO, "%s: rule * denies what no other rule names", way);
    } else {
        say(prover, "acl", acl->id, entry->allow ? REACH_YES : REACH_NO, "%s: rule %u %s %s %s %s", way, entry->number,
            entry->allow ? "allows" : "denies", reach_traffic_name(entry->proto, entry->ports, traffic),
            egress ? "to" : "from", prefix_format(&entry->prefix, prefix));
    }
}

/* ---- security groups ---- */

struct admission {
    const struct reach_group *group;
    const struct reach_rule *rule; /* NULL: the group itself was not read */
    enum reach_maybe passes;
};

static enum reach_maybe rule_admits(struct prover *prover, const struct reach_group *group,
                                    const struct reach_rule *rule, const struct addr *peer)
{
    const struct reach_leg *leg = prover->leg;
    bool inside =
        leg->place == REACH_AT_SUBNET || leg->place == REACH_AT_UNREAD_PEER || leg->place == REACH_AT_BALANCER;
    /* The same rule alone, by the same algebra. */
    struct reach_group alone = {.id = group->id, .vpc = group->vpc};
    struct reach_rule copy = *rule;
    struct reach_aspect aspect = {leg->proto, rule->egress, prover->is_ipv6};
    struct reach_bands bands;
    enum reach_maybe passes = REACH_NO;
    span_value value = span_value_of(peer);

    alone.rules.items = &copy;
    alone.rules.count = 1;
    if (reach_bands_of_group(prover->model, &alone, aspect, &bands) < 0) {
        return REACH_PERHAPS;
    }
    for (size_t i = 0; i < bands.count; i++) {
        const struct reach_band *band = &bands.items[i];
        if (span_set_has(&band->open, value) || (inside && span_set_has(&band->members, value))) {
            passes = REACH_YES;
        } else if (passes == REACH_NO && (band->open_unsure || (inside && band->members_unsure))) {
            passes = REACH_PERHAPS;
        }
    }
    reach_bands_done(&bands);
    return passes;
}

static void group_admits(struct prover *prover, const struct reach_group *group, bool egress, const struct addr *peer,
                         struct admission *best)
{
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct reach_rule *rule = &group->rules.items[i];
        enum reach_maybe passes;
        if (rule->egress != egress || !covers(rule->proto, rule->ports, prover, prover->proof->port)) {
            continue;
        }
        passes = rule_admits(prover, group, rule, peer);
        if (passes > best->passes) {
            *best = (struct admission){group, rule, passes};
        }
    }
}

static void say_rule(struct prover *prover, const struct admission *best, const char *way)
{
    const struct reach_rule *rule = best->rule;
    char prefix[PREFIX_TEXT_SIZE];
    char traffic[64];

    say(prover, "group", best->group->id, best->passes, "%s: %s%sallows %s %s %s%s", way,
        rule->id == NULL ? "" : rule->id, rule->id == NULL ? "" : " ",
        reach_traffic_name(rule->proto, rule->ports, traffic), rule->egress ? "to" : "from",
        rule->peer == REACH_PEER_PREFIX ? prefix_format(&rule->prefix, prefix) : rule->ref.id,
        best->passes == REACH_PERHAPS ? ", which was not read" : "");
}

static void prove_groups(struct prover *prover, const struct reach_eni *eni, bool egress, const struct addr *peer)
{
    const char *way = egress ? "out" : "in";
    struct admission best = {.passes = REACH_NO};
    char traffic[24];
    char ports[24];

    if (eni->admits_all) {
        say(prover, "group", NULL, REACH_YES, "%s: it has no security group, and admits all", way);
        return;
    }
    for (size_t i = 0; i < eni->groups.count; i++) {
        uint32_t at = eni->groups.items[i].at;
        if (at != REACH_NONE) {
            group_admits(prover, &prover->model->groups.items[at], egress, peer, &best);
        }
    }
    if (best.passes != REACH_NO) {
        say_rule(prover, &best, way);
        return;
    }
    for (size_t i = 0; i < eni->groups.count; i++) {
        if (eni->groups.items[i].at == REACH_NONE) {
            say(prover, "group", eni->groups.items[i].id, REACH_PERHAPS, "%s: the group was not read", way);
            return;
        }
    }
    say(prover, "group", eni->groups.count == 0 ? NULL : eni->groups.items[0].id, REACH_NO,
        "%s: no rule of its %zu group%s allows %s %s %s this address", way, eni->groups.count,
        eni->groups.count == 1 ? "" : "s", reach_proto_name(prover->leg->proto, traffic),
        reach_ports_name(prover->leg->proto, prover->proof->ports, ports), egress ? "to" : "from");
}

/* ---- routes ---- */

static const char *route_goal(const struct reach_route *route)
{
    if (route->blackhole) {
        return "a blackhole";
    }
    return route->via.id != NULL ? route->via.id : "its target";
}

static void prove_route(struct prover *prover, uint32_t subnet, struct reach_exit way_out, const struct addr *to)
{
    uint32_t at = reach_subnet_table(prover->model, subnet);
    const struct reach_ways *ways = at == REACH_NONE ? NULL : reach_engine_ways(prover->engine, at, prover->is_ipv6);
    const struct reach_way *way = ways == NULL ? NULL : reach_ways_at(ways, span_value_of(to));
    struct reach_tri tri = {0};
    char prefix[PREFIX_TEXT_SIZE];
    enum reach_maybe passes = REACH_PERHAPS;

    if (reach_routes_by(prover->engine, subnet, prover->is_ipv6, way_out, &tri) == 0) {
        passes = reach_tri_at(&tri, span_value_of(to));
    }
    reach_tri_done(&tri);
    if (ways == NULL) {
        say(prover, "route", NULL, REACH_PERHAPS, "the route table was not read");
    } else if (passes == REACH_PERHAPS && reach_ways_unread(prover->model, ways->table, 0) != NULL) {
        say(prover, "route", ways->table->id, passes, "the entries of %s, which it names, were not read",
            reach_ways_unread(prover->model, ways->table, 0)->list.id);
    } else if (way == NULL) {
        say(prover, "route", ways->table->id, passes, "no route leads there");
    } else {
        say(prover, "route", ways->table->id, passes, "%s goes to %s",
            way->route->list.id != NULL ? way->route->list.id : prefix_format(&way->route->prefix, prefix),
            route_goal(way->route));
    }
}

/* ---- the whole way ---- */

static void prove_door(struct prover *prover)
{
    const struct reach_leg *leg = prover->leg;
    const struct reach_address *own = &prover->eni->addresses.items[leg->address];
    uint32_t vpc = reach_model_vpc_of(prover->model, prover->eni);
    uint32_t gateway = vpc == REACH_NONE ? REACH_NONE : prover->model->vpcs.items[vpc].gateway;
    const char *stage;
    enum reach_maybe may = reach_internet_door(prover->engine, leg->eni, leg->address, &stage);
    char text[ADDR_TEXT_SIZE];

    say(prover, "internet", NULL, REACH_YES, "%s", addr_format(&prover->source.addr, text));
    if (may != REACH_YES && strcmp(stage, "address") == 0) {
        say(prover, "address", prover->eni->id, may,
            prover->eni->attached ? "no public address" : "the interface is not attached");
    } else if (may != REACH_YES && strcmp(stage, "block") == 0) {
        say(prover, "block", NULL, may,
            may == REACH_NO ? "VPC Block Public Access is on" : "VPC Block Public Access was not read");
    } else if (may != REACH_YES && strcmp(stage, "edge") == 0) {
        say(prover, "gateway", prover->model->gateways.items[gateway].id, may,
            "its own route table sends what comes in elsewhere");
    } else if (may != REACH_YES) {
        say(prover, "gateway", NULL, may,
            may == REACH_NO     ? "no internet gateway is attached to the VPC"
            : vpc == REACH_NONE ? "the VPC was not read"
                                : "the internet gateways were not read");
    } else {
        say(prover, "gateway", prover->model->gateways.items[gateway].id, REACH_YES, "attached to %s, brings it to %s",
            prover->model->vpcs.items[vpc].id,
            addr_format(prover->is_ipv6 ? &own->prefix.addr : &own->public_address, text));
    }
    prove_route(prover, prover->eni->subnet.at,
                (struct reach_exit){REACH_HOP_INTERNET,
                                    vpc == REACH_NONE ? REACH_NONE : prover->model->vpcs.items[vpc].gateway},
                &prover->source.addr);
}

/* Where the source stands, its own rules, and the route from it. */
static void prove_start(struct prover *prover)
{
    const struct reach_leg *leg = prover->leg;
    const char *subnet = leg->subnet == REACH_NONE ? NULL : prover->model->subnets.items[leg->subnet].id;
    bool stands = leg->place == REACH_AT_SUBNET || leg->place == REACH_AT_BALANCER;
    char text[ADDR_TEXT_SIZE];

    say(prover, "source", leg->source == REACH_NONE ? subnet : prover->model->enis.items[leg->source].id,
        leg->place == REACH_AT_NO_SUBNET && !prover->model->unread[REACH_SUBNET] ? REACH_NO
        : stands || leg->place == REACH_AT_ITSELF                                ? REACH_YES
                                                                                 : REACH_PERHAPS,
        "%s%s", addr_format(&prover->source.addr, text),
        leg->place == REACH_AT_NO_SUBNET ? ": no subnet has this address"
        : leg->place == REACH_AT_UNREAD_PEER
            ? leg->peering == REACH_NONE ? ": its subnet was not read" : ": the peer's side was not read"
        : leg->place == REACH_AT_ELSEWHERE ? ": outside of the VPC and its peers"
                                           : "");
    if (leg->source != REACH_NONE && leg->place != REACH_AT_ITSELF) {
        prove_groups(prover, &prover->model->enis.items[leg->source], true, &prover->target.addr);
    }
    if (stands && prover->crosses) {
        prove_acl(prover, leg->subnet, true, prover->proof->port, &prover->target.addr);
    }
    if (leg->subnet != REACH_NONE && prover->crosses) {
        prove_route(prover, leg->subnet, (struct reach_exit){reach_leg_hop(leg), leg->peering}, &prover->target.addr);
    }
    if (leg->place == REACH_AT_ELSEWHERE) {
        prove_route(prover, prover->eni->subnet.at, (struct reach_exit){REACH_HOP_UNMODELED, REACH_NONE},
                    &prover->source.addr);
    }
    if (leg->peering != REACH_NONE) {
        const struct reach_peering *peering = &prover->model->peerings.items[leg->peering];
        say(prover, "peering", peering->id, peering->active ? REACH_YES : REACH_NO,
            peering->active ? "active" : "not active");
    }
}

static void prove_end(struct prover *prover)
{
    char text[ADDR_TEXT_SIZE];

    if (prover->crosses) {
        prove_acl(prover, prover->eni->subnet.at, false, prover->proof->port, &prover->source.addr);
    }
    if (prover->leg->place != REACH_AT_ITSELF) {
        prove_groups(prover, prover->eni, false, &prover->source.addr);
    }
    say(prover, "interface", prover->eni->id,
        !prover->eni->attached ? REACH_NO
        : prover->eni->assumed ? REACH_PERHAPS
                               : REACH_YES,
        "%s%s", addr_format(&prover->target.addr, text),
        !prover->eni->attached ? " is not attached"
        : prover->eni->assumed ? " is one of several that it may be"
                               : "");
}

static bool acl_passes(const struct prover *prover, uint32_t subnet, bool egress, uint16_t port,
                       const struct addr *peer)
{
    uint32_t at = subnet == REACH_NONE ? REACH_NONE : prover->model->subnets.items[subnet].acl.at;
    const struct reach_entry *entry =
        at == REACH_NONE ? NULL : acl_decides(prover, &prover->model->acls.items[at], egress, port, peer);

    return at == REACH_NONE || (entry != NULL && entry->allow);
}

static bool has_far_acl(const struct prover *prover)
{
    enum reach_place place = prover->leg->place;

    return place == REACH_AT_SUBNET || place == REACH_AT_UNREAD_PEER || place == REACH_AT_BALANCER;
}

static bool answer_passes(const struct prover *prover, uint16_t port)
{
    return acl_passes(prover, prover->eni->subnet.at, true, port, &prover->source.addr) &&
           (!has_far_acl(prover) || acl_passes(prover, prover->leg->subnet, false, port, &prover->target.addr));
}

/* The first client port that an answer may go to; the first of all when there is none. */
static uint16_t answer_port(const struct prover *prover)
{
    struct reach_ports ports = reach_leg_return_ports(prover->leg, prover->is_ipv6);

    for (uint32_t port = ports.first; port <= ports.last; port++) {
        if (answer_passes(prover, (uint16_t)port)) {
            return (uint16_t)port;
        }
    }
    return ports.first;
}

static void prove_answer(struct prover *prover)
{
    const struct reach_leg *leg = prover->leg;
    bool inside = leg->place == REACH_AT_SUBNET || leg->place == REACH_AT_UNREAD_PEER;

    prover->is_answer = true;
    if (!prover->crosses || (proto_is_icmp(leg->proto) && prover->proof->port != reach_echo_request(prover->is_ipv6))) {
        return;
    }
    prover->proof->answer_port = answer_port(prover);
    if (inside) {
        prove_route(prover, prover->eni->subnet.at, (struct reach_exit){reach_leg_hop(leg), leg->peering},
                    &prover->source.addr);
    }
    prove_acl(prover, prover->eni->subnet.at, true, prover->proof->answer_port, &prover->source.addr);
    if (has_far_acl(prover)) {
        prove_acl(prover, leg->subnet, false, prover->proof->answer_port, &prover->target.addr);
    }
}

static void prove_leg(struct reach_engine *engine, const struct reach_leg *leg, struct reach_proof *proof)
{
    const struct reach_model *model = reach_engine_model(engine);
    const struct reach_eni *eni = &model->enis.items[leg->eni];
    const struct prefix *own = &eni->addresses.items[leg->address].prefix;
    uint8_t bits = own->addr.is_ipv6 ? 128 : 32;
    struct prover prover = {
        .engine = engine,
        .model = model,
        .leg = leg,
        .eni = eni,
        .is_ipv6 = own->addr.is_ipv6,
        .crosses = leg->place != REACH_AT_ITSELF && (leg->subnet == REACH_NONE || leg->subnet != eni->subnet.at),
        .source = {span_addr(proof->source, own->addr.is_ipv6), bits},
        .target = {own->addr, bits},
        .proof = proof,
    };

    if (leg->place == REACH_AT_INTERNET) {
        prove_door(&prover);
    } else {
        prove_start(&prover);
    }
    prove_end(&prover);
    prove_answer(&prover);
}

/* The leg by which the source gets furthest, and how far; -ENOENT when none has it. */
static int best_leg(struct reach_engine *engine, struct reach_leg *legs, size_t count, struct reach_proof *proof)
{
    int best = -ENOENT;

    for (size_t i = 0; i < count; i++) {
        struct reach_cells cells = {0};
        enum reach_verdict verdict;
        int rc;
        if (!span_set_has(&legs[i].sources, proof->source)) {
            continue;
        }
        legs[i].ports = (struct reach_ports){proof->port, proof->port};
        rc = reach_leg_cells(engine, &legs[i], &cells);
        if (rc < 0) {
            return rc;
        }
        verdict = reach_cell_verdict_of(&cells.items[0], proof->source);
        if (best < 0 || verdict > proof->verdict) {
            best = (int)i;
            proof->verdict = verdict;
        }
        reach_cells_done(&cells);
    }
    return best;
}

int reach_prove(struct reach_engine *engine, const struct reach_question *question, span_value source,
                struct reach_ports ports, struct reach_proof *ret_proof)
{
    struct reach_proof proof = {.source = source, .port = ports.first, .ports = ports};
    struct reach_leg *legs = NULL;
    size_t count = 0;
    int rc = reach_legs_of(engine, question, &legs, &count);

    if (rc < 0) {
        return rc;
    }
    rc = best_leg(engine, legs, count, &proof);
    if (rc >= 0) {
        prove_leg(engine, &legs[rc], &proof);
        *ret_proof = proof;
        rc = 0;
    }
    for (size_t i = 0; i < count; i++) {
        reach_leg_done(&legs[i]);
    }
    free(legs);
    return rc;
}
