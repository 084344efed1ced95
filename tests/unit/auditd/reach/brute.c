#include "tests/unit/auditd/reach/brute.h"

#include "tests/unit/auditd/reach/brute_addr.h"

#include <stddef.h>

/* Everything about one packet and its answer. */
struct b_flow {
    const struct b_world *w;
    const struct b_question *q;
    struct b_addr source;
    int source_subnet; /* B_NONE: not in a subnet that we know */
    int source_eni;    /* whose groups are asked; B_NONE */
    int peering;       /* B_NONE */
    int target;        /* interface */
    int port;
    bool from_client_of_node; /* the source is a balancer's client, the sender its node */
    struct b_addr node_address;
};

static struct b_addr own_addr(const struct b_world *w, int eni, bool six)
{
    return six ? w->enis[eni].six : w->enis[eni].four;
}

/* ---- network ACLs ---- */

struct b_traffic {
    bool out;
    int proto, port;
};

static enum b_sure acl_passes(const struct b_world *w, int subnet, struct b_traffic traffic, struct b_addr peer)
{
    int best = -1;
    int acl = subnet == B_NONE ? B_NONE : w->subnets[subnet].acl;

    if (acl == B_NONE) {
        return B_MAYBE;
    }
    for (int i = 0; i < w->acls[acl].count; i++) {
        const struct b_entry *entry = &w->acls[acl].entries[i];
        if (entry->out == traffic.out && within(peer, entry->net) &&
            proto_port_match(entry->proto, entry->first, entry->last, traffic.proto, traffic.port) &&
            (best < 0 || entry->number < w->acls[acl].entries[best].number)) {
            best = i;
        }
    }
    return best >= 0 && w->acls[acl].entries[best].allow ? B_YES : B_NO;
}

/* ---- security groups ---- */

static bool vpcs_share_groups(const struct b_world *w, int a, int b)
{
    for (int i = 0; a != b && i < B_PEERINGS; i++) {
        if (w->peerings[i].active && w->peerings[i].same_region &&
            ((w->peerings[i].a == a && w->peerings[i].b == b) || (w->peerings[i].a == b && w->peerings[i].b == a))) {
            return true;
        }
    }
    return a == b;
}

static bool holds(const struct b_world *w, int eni, int group)
{
    return w->enis[eni].groups[0] == group || w->enis[eni].groups[1] == group;
}

static enum b_sure group_names(const struct b_world *w, int group, const struct b_rule *rule, struct b_addr peer)
{
    if (rule->ref >= B_GROUPS) {
        return rule->foreign || w->groups_unread ? B_MAYBE : B_NO;
    }
    for (int i = 0; i < B_ENIS; i++) {
        if (w->enis[i].attached && holds(w, i, rule->ref) && same_addr(own_addr(w, i, peer.six), peer) &&
            vpcs_share_groups(w, w->groups[group].vpc, w->subnets[w->enis[i].subnet].vpc)) {
            return B_YES;
        }
    }
    return B_NO;
}

static enum b_sure rule_admits(const struct b_world *w, int group, const struct b_rule *rule, struct b_addr peer,
                               bool by_group)
{
    if (rule->kind == B_NET) {
        return within(peer, rule->net) ? B_YES : B_NO;
    }
    if (rule->kind == B_GROUP) {
        return by_group ? group_names(w, group, rule, peer) : B_NO;
    }
    if (rule->ref >= B_LISTS || !w->lists[rule->ref].read) {
        return B_MAYBE;
    }
    for (int i = 0; i < w->lists[rule->ref].count; i++) {
        if (within(peer, w->lists[rule->ref].entries[i])) {
            return B_YES;
        }
    }
    return B_NO;
}

/* `named`: the address that rules by group are held against; NULL: none is. */
static enum b_sure groups_pass(const struct b_flow *flow, int eni, bool out, struct b_addr peer,
                               const struct b_addr *named)
{
    const struct b_world *w = flow->w;
    enum b_sure sure = B_NO;

    if (w->enis[eni].admits_all) {
        return B_YES;
    }
    for (int i = 0; i < 2; i++) {
        int group = w->enis[eni].groups[i];
        if (group == B_GROUPS) {
            sure = either(sure, B_MAYBE);
        }
        for (int j = 0; group >= 0 && group < B_GROUPS && j < w->groups[group].count; j++) {
            const struct b_rule *rule = &w->groups[group].rules[j];
            if (rule->out != out ||
                !proto_port_match(rule->proto, rule->first, rule->last, flow->q->proto, flow->port)) {
                continue;
            }
            sure = either(sure, rule_admits(w, group, rule, rule->kind == B_GROUP && named != NULL ? *named : peer,
                                            named != NULL));
        }
    }
    return sure;
}

/* ---- routes ---- */

static enum b_sure leads(const struct b_world *w, const struct b_route *route, int vpc, enum b_hop hop, int peering)
{
    if (route->dead) {
        return B_NO;
    }
    if (route->hop == B_BOX) {
        return B_MAYBE;
    }
    if (route->hop != hop) {
        return B_NO;
    }
    if (hop == B_INTERNET) {
        return w->vpcs[vpc].gateway ? B_YES : w->gateways_unread ? B_MAYBE : B_NO;
    }
    return hop != B_PEER || route->peering == peering ? B_YES : B_NO;
}

/* The longest prefix of the route that has the address; B_NONE when it has none. */
static int route_bits(const struct b_world *w, const struct b_route *route, struct b_addr to)
{
    int bits = B_NONE;

    if (route->list == B_NONE) {
        return within(to, route->net) ? route->net.bits : B_NONE;
    }
    for (int i = 0; route->list < B_LISTS && w->lists[route->list].read && i < w->lists[route->list].count; i++) {
        struct b_net net = w->lists[route->list].entries[i];
        if (within(to, net) && net.bits > bits) {
            bits = net.bits;
        }
    }
    return bits;
}

static enum b_sure routed(const struct b_world *w, int subnet, struct b_addr to, enum b_hop hop, int peering)
{
    int vpc = subnet == B_NONE ? B_NONE : w->subnets[subnet].vpc;
    const struct b_route *best = NULL;
    int best_bits = B_NONE;
    bool tie = false;
    enum b_sure sure;

    if (vpc == B_NONE || !w->vpcs[vpc].has_table) {
        return B_MAYBE;
    }
    for (int i = 0; i < w->vpcs[vpc].route_count; i++) {
        const struct b_route *route = &w->vpcs[vpc].routes[i];
        int bits = route_bits(w, route, to);
        if (bits == B_NONE || (best != NULL && (bits < best_bits || (bits == best_bits && route->rank > best->rank)))) {
            continue;
        }
        tie = best != NULL && bits == best_bits && route->rank == best->rank;
        best = route;
        best_bits = bits;
    }
    sure = best == NULL ? B_NO : tie ? B_MAYBE : leads(w, best, vpc, hop, peering);
    for (int i = 0; i < w->vpcs[vpc].route_count; i++) {
        const struct b_route *route = &w->vpcs[vpc].routes[i];
        bool unread = route->list != B_NONE && (route->list >= B_LISTS || !w->lists[route->list].read);
        if (!unread || (hop == B_LOCAL && route->hop == B_SERVICE)) {
            continue;
        }
        /* Whether the list has the address nobody knows. */
        if (leads(w, route, vpc, hop, peering) != sure) {
            sure = leads(w, route, vpc, hop, peering) == B_NO && sure == B_NO ? B_NO : B_MAYBE;
        }
    }
    return sure;
}

/* ---- there ---- */

static enum b_sure door(const struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    int subnet = w->enis[flow->target].subnet;
    int vpc = w->subnets[subnet].vpc;
    enum b_sure sure = flow->q->six || w->enis[flow->target].has_public ? B_YES : B_NO;

    if (!w->vpcs[vpc].gateway) {
        sure = both(sure, w->gateways_unread ? B_MAYBE : B_NO);
    }
    if (w->block_unread) {
        sure = both(sure, B_MAYBE);
    } else if (w->blocks && !(w->excluded && vpc == 0)) {
        sure = B_NO;
    }
    if (w->vpcs[vpc].gateway && w->vpcs[vpc].edge) {
        /* The edge table names the VPC's first subnet. */
        int first = vpc * 2;
        if (within(own_addr(w, flow->target, flow->q->six),
                   flow->q->six ? w->subnets[first].six : w->subnets[first].four)) {
            sure = both(sure, B_MAYBE);
        }
    }
    return both(sure, routed(w, subnet, flow->source, B_INTERNET, B_NONE));
}

static bool crosses(const struct b_flow *flow)
{
    return flow->source_subnet == B_NONE || flow->source_subnet != flow->w->enis[flow->target].subnet;
}

/* The destination's own rules. */
static enum b_sure admitted(const struct b_flow *flow, const struct b_addr *named)
{
    const struct b_world *w = flow->w;
    enum b_sure sure = w->enis[flow->target].attached ? B_YES : B_NO;

    if (crosses(flow)) {
        sure = both(sure, acl_passes(w, w->enis[flow->target].subnet,
                                     (struct b_traffic){false, flow->q->proto, flow->port}, flow->source));
    }
    return both(sure, groups_pass(flow, flow->target, false, flow->source, named));
}

/* The source's own rules. */
static enum b_sure let_out(const struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    struct b_addr to = own_addr(w, flow->target, flow->q->six);
    enum b_hop hop = flow->peering == B_NONE ? B_LOCAL : B_PEER;
    enum b_sure sure = B_YES;

    if (crosses(flow)) {
        sure = both(routed(w, flow->source_subnet, to, hop, flow->peering),
                    acl_passes(w, flow->source_subnet, (struct b_traffic){true, flow->q->proto, flow->port}, to));
    }
    if (flow->source_eni != B_NONE) {
        sure = both(sure, groups_pass(flow, flow->source_eni, true, to, &to));
    }
    return sure;
}

/* ---- back ---- */

/* Of all ports that answers may go to: whether all are let through, and whether any is. */
struct back {
    enum b_sure all, any;
};

static enum b_sure answers_at(const struct b_flow *flow, int port)
{
    const struct b_world *w = flow->w;
    struct b_addr from = own_addr(w, flow->target, flow->q->six);
    enum b_sure sure =
        acl_passes(w, w->enis[flow->target].subnet, (struct b_traffic){true, flow->q->proto, port}, flow->source);

    if (flow->source_subnet != B_NONE || flow->peering != B_NONE) {
        sure = both(sure, acl_passes(w, flow->source_subnet, (struct b_traffic){false, flow->q->proto, port}, from));
    }
    return sure;
}

/* What holds for a port holds up to the next one where an entry begins or has just ended: that one, at most last + 1.
 */
static int next_port(const struct b_world *w, int port, int last)
{
    int next = last + 1;

    for (int i = 0; i < B_ACLS; i++) {
        for (int j = 0; j < w->acls[i].count; j++) {
            int begin = w->acls[i].entries[j].first;
            int end = w->acls[i].entries[j].last + 1;
            next = begin > port && begin < next ? begin : next;
            next = end > port && end < next ? end : next;
        }
    }
    return next;
}

static struct back answers(const struct b_flow *flow, enum b_sure route)
{
    int proto = flow->q->proto;
    bool icmp = proto == 1 || proto == 58;
    int echo = flow->q->six ? 128 * 256 : 8 * 256;
    int first = icmp ? (flow->q->six ? 129 * 256 : 0) : has_ports(proto) ? flow->q->client_first : 0;
    int last = icmp ? first : has_ports(proto) ? flow->q->client_last : 0;
    struct back back = {B_YES, B_NO};

    if ((icmp && flow->port != echo) || flow->source_eni == flow->target) {
        return (struct back){B_YES, B_YES};
    }
    for (int port = first; port <= last; port = next_port(flow->w, port, last)) {
        enum b_sure sure = crosses(flow) ? both(route, answers_at(flow, port)) : route;
        back.all = both(back.all, sure);
        back.any = either(back.any, sure);
    }
    return back;
}

static enum b_verdict conclude(enum b_sure in, struct back back)
{
    if (in == B_NO) {
        return B_BLOCKED;
    }
    if (back.any == B_NO) {
        return B_TRAPPED;
    }
    if (in == B_YES && back.all == B_YES) {
        return B_REACHES;
    }
    return in == B_YES && back.any == B_YES ? B_PARTLY : B_UNKNOWN;
}

/* ---- who is asked ---- */

static bool in_vpc(const struct b_world *w, int vpc, struct b_addr addr)
{
    return within(addr, addr.six ? w->vpcs[vpc].six : w->vpcs[vpc].four);
}

/* The other side; B_NONE when the peering does not join the VPC to another one. */
static int far_side(const struct b_world *w, int peering, int vpc)
{
    if (w->peerings[peering].a == w->peerings[peering].b) {
        return B_NONE;
    }
    if (w->peerings[peering].a == vpc) {
        return w->peerings[peering].b;
    }
    return w->peerings[peering].b == vpc ? w->peerings[peering].a : B_NONE;
}

static int subnet_of(const struct b_world *w, int vpc, struct b_addr addr)
{
    for (int i = 0; i < B_SUBNETS; i++) {
        if (w->subnets[i].vpc == vpc && within(addr, addr.six ? w->subnets[i].six : w->subnets[i].four)) {
            return i;
        }
    }
    return B_NONE;
}

/* A gateway endpoint's addresses have a way of their own. */
static bool is_service(const struct b_world *w, int vpc, struct b_addr addr)
{
    int best = B_NONE;
    enum b_rank rank = B_PROPAGATED;
    bool service = false;

    for (int i = 0; w->vpcs[vpc].has_table && i < w->vpcs[vpc].route_count; i++) {
        const struct b_route *route = &w->vpcs[vpc].routes[i];
        int bits = route_bits(w, route, addr);
        if (bits != B_NONE && (bits > best || (bits == best && route->rank < rank))) {
            best = bits;
            rank = route->rank;
            service = route->hop == B_SERVICE;
        }
    }
    return service;
}

bool b_asked(const struct b_world *w, const struct b_question *q, struct b_addr source)
{
    int vpc = w->subnets[w->enis[q->eni].subnet].vpc;

    if (source.six != q->six) {
        return false;
    }
    if (q->from == B_FROM_NET) {
        return within(source, q->net);
    }
    if (q->from == B_FROM_ENI) {
        return same_addr(source, own_addr(w, q->source, q->six));
    }
    for (int i = 0; i < B_PEERINGS; i++) {
        int far = far_side(w, i, vpc);
        if (w->peerings[i].active && far != B_NONE && in_vpc(w, far, source)) {
            return false;
        }
    }
    return on_internet(source) && !in_vpc(w, vpc, source) && !is_service(w, vpc, source);
}

/* ---- from where ---- */

static enum b_verdict from_internet(const struct b_flow *flow)
{
    return conclude(both(door(flow), admitted(flow, NULL)), answers(flow, B_YES));
}

static enum b_verdict from_subnet(const struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    enum b_hop hop = flow->peering == B_NONE ? B_LOCAL : B_PEER;
    enum b_sure route =
        crosses(flow) ? routed(w, w->enis[flow->target].subnet, flow->source, hop, flow->peering) : B_YES;

    return conclude(both(admitted(flow, &flow->source), let_out(flow)), answers(flow, route));
}

/* Behind something that is not modelled, if that is where the routes lead. */
static enum b_verdict from_elsewhere(const struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    struct b_flow outside = *flow;
    enum b_sure in =
        both(B_MAYBE, both(admitted(flow, NULL), routed(w, w->enis[flow->target].subnet, flow->source, B_BOX, B_NONE)));

    if (flow->source_subnet != B_NONE) {
        in = both(in, routed(w, flow->source_subnet, own_addr(w, flow->target, flow->q->six), B_BOX, B_NONE));
    }
    if (flow->source_eni != B_NONE) {
        struct b_addr to = own_addr(w, flow->target, flow->q->six);
        in = both(in, groups_pass(flow, flow->source_eni, true, to, NULL));
    }
    outside.source_subnet = B_NONE;
    outside.peering = B_NONE;
    return conclude(in, answers(&outside, B_YES));
}

static enum b_verdict from_eni(struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    int vpc = w->subnets[w->enis[flow->target].subnet].vpc;
    int from = w->subnets[w->enis[flow->q->source].subnet].vpc;

    flow->source_eni = flow->q->source;
    flow->source_subnet = w->enis[flow->q->source].subnet;
    if (flow->q->source == flow->target) {
        return w->enis[flow->target].attached ? B_REACHES : B_BLOCKED;
    }
    for (int i = 0; from != vpc && i < B_PEERINGS; i++) {
        if (far_side(w, i, vpc) == from && (flow->peering == B_NONE || w->peerings[i].active)) {
            flow->peering = i;
        }
    }
    if (from != vpc && flow->peering == B_NONE) {
        return from_elsewhere(flow);
    }
    return flow->peering != B_NONE && !w->peerings[flow->peering].active ? B_BLOCKED : from_subnet(flow);
}

static enum b_verdict from_address(struct b_flow *flow)
{
    const struct b_world *w = flow->w;
    int vpc = w->subnets[w->enis[flow->target].subnet].vpc;
    enum b_verdict best = B_BLOCKED;
    bool is_peer = false;

    if (in_vpc(w, vpc, flow->source)) {
        flow->source_subnet = subnet_of(w, vpc, flow->source);
        return flow->source_subnet == B_NONE ? B_BLOCKED : from_subnet(flow);
    }
    for (int i = 0; i < B_PEERINGS; i++) {
        int far = far_side(w, i, vpc);
        if (far == B_NONE || !w->peerings[i].active || !in_vpc(w, far, flow->source)) {
            continue;
        }
        is_peer = true;
        flow->peering = i;
        flow->source_subnet = subnet_of(w, far, flow->source);
        if (flow->source_subnet != B_NONE) {
            enum b_verdict verdict = from_subnet(flow);
            best = verdict > best ? verdict : best;
        }
    }
    if (is_peer) {
        return best;
    }
    return on_internet(flow->source) ? from_internet(flow) : from_elsewhere(flow);
}

enum b_verdict b_judge(const struct b_world *w, const struct b_question *q, struct b_addr source, int port)
{
    struct b_flow flow = {
        .w = w,
        .q = q,
        .source = source,
        .source_subnet = B_NONE,
        .source_eni = B_NONE,
        .peering = B_NONE,
        .target = q->eni,
        .port = port,
    };

    if (q->from == B_FROM_ENI) {
        return from_eni(&flow);
    }
    return q->from == B_FROM_WORLD ? from_internet(&flow) : from_address(&flow);
}

/* ---- balancers ---- */

/* The target sees the client, and hears it from the node. */
static enum b_verdict node_to_target_kept(const struct b_world *w, const struct b_question *q, int node,
                                          struct b_addr client)
{
    int target = w->balancer.target;
    struct b_question passed = *q;
    struct b_flow flow = {
        .w = w,
        .q = &passed,
        .source = client,
        .source_subnet = w->enis[node].subnet,
        .source_eni = node,
        .peering = B_NONE,
        .target = target,
        .port = w->balancer.target_port,
    };
    struct b_addr name = own_addr(w, node, q->six);
    int from = w->subnets[w->enis[node].subnet].vpc;
    int to = w->subnets[w->enis[target].subnet].vpc;

    passed.client_first = 1024;
    passed.client_last = 65535;
    for (int i = 0; from != to && i < B_PEERINGS; i++) {
        if (w->peerings[i].active && far_side(w, i, to) == from) {
            flow.peering = i;
        }
    }
    if (from != to && flow.peering == B_NONE) {
        return B_BLOCKED;
    }
    /* A rule that names the node's groups admits whom the node passes on. */
    return conclude(both(admitted(&flow, &name), let_out(&flow)), answers(&flow, B_YES));
}

static enum b_verdict node_to_target(const struct b_world *w, const struct b_question *q, int node,
                                     struct b_addr client)
{
    struct b_question own = *q;
    enum b_verdict kept;
    enum b_verdict plain;

    own.from = B_FROM_ENI;
    own.source = node;
    own.eni = w->balancer.target;
    own.six = false;
    own.client_first = 1024;
    own.client_last = 65535;
    plain = b_judge(w, &own, own_addr(w, node, false), w->balancer.target_port);
    /* IPv6 clients become IPv4 ones at the node. */
    if (w->balancer.preserve == B_NO || q->six) {
        return plain;
    }
    kept = node_to_target_kept(w, q, node, client);
    if (w->balancer.preserve == B_YES) {
        return kept;
    }
    return kept == plain ? kept : B_UNKNOWN;
}

enum b_verdict b_judge_through(const struct b_world *w, const struct b_question *q, struct b_addr source)
{
    enum b_verdict best = B_BLOCKED;

    for (int i = 0; i < w->balancer.node_count; i++) {
        int node = w->balancer.nodes[i];
        struct b_question first = *q;
        enum b_verdict verdict;
        enum b_sure zone = w->subnets[w->enis[node].subnet].zone == w->subnets[w->enis[w->balancer.target].subnet].zone
                               ? B_YES
                               : w->balancer.cross_zone;
        first.eni = node;
        if (zone == B_NO || !b_asked(w, &first, source)) {
            continue;
        }
        verdict = worse(b_judge(w, &first, source, w->balancer.port), node_to_target(w, q, node, source));
        if (zone == B_MAYBE) {
            verdict = worse(verdict, B_UNKNOWN);
        }
        best = verdict > best ? verdict : best;
    }
    return best;
}
