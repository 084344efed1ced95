#include "auditd/reach/proposal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Public prefixes that admit the world by themselves (docs/policy.md): 2^24 IPv4 addresses, IPv6 shorter than /32. */
enum { WORLD_BITS_IPV4 = 8, WORLD_BITS_IPV6 = 31 };

/* A part of a rule that somebody needs. Of a list or group `set` is one made-up address: they are not cut. */
struct piece {
    struct reach_rule like;
    struct span_set set;
};

struct pieces {
    struct piece *items;
    size_t count;
    bool failed;
};

struct maker {
    const struct reach_model *model;
    const struct reach_needs *needs;
    const struct reach_group *group;
    struct reach_advice *advice;
    bool *needing;     /* for each holder */
    struct pieces cut; /* of all rules that are not needed as they are */
};

void reach_needs_done(struct reach_needs *needs)
{
    for (size_t i = 0; i < needs->count; i++) {
        span_set_done(&needs->items[i].from[0]);
        span_set_done(&needs->items[i].from[1]);
        free(needs->items[i].groups);
    }
    free(needs->items);
    *needs = (struct reach_needs){0};
}

void reach_proposal_done(struct reach_proposal *proposal)
{
    for (size_t i = 0; i < proposal->count; i++) {
        free(proposal->items[i].rules);
    }
    free(proposal->items);
    *proposal = (struct reach_proposal){0};
}

static bool same_peer(const struct reach_rule *a, const struct reach_rule *b)
{
    if (a->egress != b->egress || a->proto != b->proto || a->peer != b->peer) {
        return false;
    }
    if (a->peer == REACH_PEER_PREFIX) {
        return true;
    }
    return a->ref.id != NULL && b->ref.id != NULL && strcmp(a->ref.id, b->ref.id) == 0;
}

bool reach_rule_equal(const struct reach_rule *a, const struct reach_rule *b)
{
    return same_peer(a, b) && a->ports.first == b->ports.first && a->ports.last == b->ports.last &&
           (a->peer != REACH_PEER_PREFIX ||
            (a->prefix.bits == b->prefix.bits && addr_equal(&a->prefix.addr, &b->prefix.addr)));
}

/* ---- pieces ---- */

static void pieces_done(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        span_set_done(&pieces->items[i].set);
    }
    free(pieces->items);
    *pieces = (struct pieces){0};
}

/* Takes the set. */
static void pieces_add(struct pieces *pieces, const struct reach_rule *like, struct span_set *set)
{
    struct piece *items = reallocarray(pieces->items, pieces->count + 1, sizeof(*items));

    if (items == NULL || set->failed) {
        pieces->failed = true;
        span_set_done(set);
        pieces->items = items == NULL ? pieces->items : items;
        return;
    }
    pieces->items = items;
    items[pieces->count++] = (struct piece){.like = *like, .set = *set};
    *set = (struct span_set){0};
}

static bool same_kind(const struct piece *a, const struct piece *b)
{
    return same_peer(&a->like, &b->like) &&
           (a->like.peer != REACH_PEER_PREFIX || a->like.prefix.addr.is_ipv6 == b->like.prefix.addr.is_ipv6);
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

/* Where pieces of the kind of `one` begin and end. The caller frees it; NULL when out of memory. */
static uint32_t *kind_cuts(const struct pieces *pieces, const struct piece *one, size_t *ret_count)
{
    uint32_t *cuts = calloc(pieces->count * 2 + 1, sizeof(*cuts));
    size_t count = 0;

    for (size_t i = 0; cuts != NULL && i < pieces->count; i++) {
        if (same_kind(&pieces->items[i], one)) {
            cuts[count++] = pieces->items[i].like.ports.first;
            cuts[count++] = (uint32_t)pieces->items[i].like.ports.last + 1;
        }
    }
    if (cuts != NULL) {
        qsort(cuts, count, sizeof(*cuts), by_number);
    }
    *ret_count = count;
    return cuts;
}

/* Appends the ports, or lets the last piece go on where the same sources are needed. Takes the set. */
static void join_ports(struct pieces *joined, size_t first, const struct piece *one, struct reach_ports ports,
                       struct span_set *set)
{
    struct piece *last = joined->count > first ? &joined->items[joined->count - 1] : NULL;
    struct reach_rule like = one->like;

    if (last != NULL && (uint32_t)last->like.ports.last + 1 == ports.first && span_set_equal(&last->set, set)) {
        last->like.ports.last = ports.last;
        span_set_done(set);
        return;
    }
    like.id = NULL;
    like.ports = ports;
    pieces_add(joined, &like, set);
}

static void join_kind(const struct pieces *pieces, const struct piece *one, struct pieces *joined)
{
    size_t first = joined->count;
    size_t count;
    uint32_t *cuts = kind_cuts(pieces, one, &count);

    joined->failed |= cuts == NULL;
    for (size_t i = 0; cuts != NULL && i + 1 < count; i++) {
        struct reach_ports ports = {(uint16_t)cuts[i], (uint16_t)(cuts[i + 1] - 1)};
        struct span_set set = {0};
        if (cuts[i] == cuts[i + 1]) {
            continue;
        }
        for (size_t j = 0; j < pieces->count; j++) {
            const struct piece *piece = &pieces->items[j];
            if (same_kind(piece, one) && piece->like.ports.first <= ports.first &&
                piece->like.ports.last >= ports.last) {
                span_set_or(&set, &piece->set);
            }
        }
        if (set.count > 0 && !set.failed) {
            join_ports(joined, first, one, ports, &set);
        }
        joined->failed |= set.failed;
        span_set_done(&set);
    }
    free(cuts);
}

/* The same as few pieces that lie apart. */
static void pieces_join(const struct pieces *pieces, struct pieces *joined)
{
    joined->failed |= pieces->failed;
    for (size_t i = 0; i < pieces->count; i++) {
        bool is_first = true;
        for (size_t j = 0; is_first && j < i; j++) {
            is_first = !same_kind(&pieces->items[j], &pieces->items[i]);
        }
        if (is_first) {
            join_kind(pieces, &pieces->items[i], joined);
        }
    }
}

/* ---- what of a rule is needed ---- */

/* Who the rule admits, as far as addresses tell: false when anybody may be among them. */
static bool rule_members(const struct maker *maker, const struct reach_rule *rule, struct span_set members[2])
{
    const struct reach_group *group =
        rule->peer == REACH_PEER_GROUP && rule->ref.at != REACH_NONE ? &maker->model->groups.items[rule->ref.at] : NULL;
    const struct reach_list *list =
        rule->peer == REACH_PEER_LIST && rule->ref.at != REACH_NONE ? &maker->model->lists.items[rule->ref.at] : NULL;
    const struct reach_vpc *vpc =
        group == NULL || group->vpc.at == REACH_NONE ? NULL : &maker->model->vpcs.items[group->vpc.at];

    if (group == NULL && (list == NULL || !list->is_read)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->entries.count; i++) {
        span_set_add_prefix(&members[list->entries.items[i].addr.is_ipv6], &list->entries.items[i]);
    }
    for (size_t i = 0; group != NULL && i < group->holders.count; i++) {
        const struct reach_eni *eni = &maker->model->enis.items[group->holders.items[i]];
        for (size_t j = 0; j < eni->addresses.count; j++) {
            const struct prefix *prefix = &eni->addresses.items[j].prefix;
            span_set_add_prefix(&members[prefix->addr.is_ipv6], prefix);
        }
    }
    /* Of a group that nobody holds now, somebody in its VPC may tomorrow. */
    for (size_t i = 0; group != NULL && group->holders.count == 0 && vpc != NULL && i < vpc->prefixes.count; i++) {
        span_set_add_prefix(&members[vpc->prefixes.items[i].addr.is_ipv6], &vpc->prefixes.items[i]);
    }
    return group == NULL || group->holders.count > 0 || vpc != NULL;
}

static bool is_private(const struct prefix *prefix)
{
    static const struct prefix ranges[] = {{{.bytes = {10}}, 8},
                                           {{.bytes = {172, 16}}, 12},
                                           {{.bytes = {192, 168}}, 16},
                                           {{.bytes = {0xfc}, .is_ipv6 = 1}, 7}};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        if (ranges[i].addr.is_ipv6 == prefix->addr.is_ipv6 && ranges[i].bits <= prefix->bits &&
            prefix_contains(&ranges[i], &prefix->addr)) {
            return true;
        }
    }
    return false;
}

static bool is_range(const struct prefix *prefix)
{
    return prefix->bits > (prefix->addr.is_ipv6 ? WORLD_BITS_IPV6 : WORLD_BITS_IPV4) && !is_private(prefix);
}

/* What of the prefix the need admits. */
static void prefix_needed(const struct reach_need *need, const struct prefix *prefix, struct span_set *set)
{
    span_set_add_prefix(set, prefix);
    if (need->is_seen && !(need->ranges && is_range(prefix))) {
        span_set_and(set, &need->from[prefix->addr.is_ipv6]);
    }
}

static bool names_group(const struct reach_need *need, const struct reach_rule *rule)
{
    for (size_t i = 0; i < need->group_count; i++) {
        if (rule->peer == REACH_PEER_GROUP && rule->ref.at == need->groups[i]) {
            return true;
        }
    }
    return false;
}

/* One made-up address when the need admits somebody of the list or group. */
static void peer_needed(const struct maker *maker, const struct reach_need *need, const struct reach_rule *rule,
                        struct span_set *set)
{
    struct span_set members[2] = {{0}, {0}};

    if (!need->is_seen || names_group(need, rule) || !rule_members(maker, rule, members) ||
        span_set_meets(&members[0], &need->from[0]) || span_set_meets(&members[1], &need->from[1])) {
        span_set_add(set, (struct span){0, 0});
    }
    set->failed |= members[0].failed || members[1].failed;
    span_set_done(&members[0]);
    span_set_done(&members[1]);
}

static void add_needed(const struct maker *maker, const struct reach_need *need, const struct reach_rule *rule,
                       struct pieces *pieces)
{
    struct reach_rule like = *rule;
    struct span_set set = {0};

    if ((rule->proto != need->proto && rule->proto != REACH_PROTO_ALL) || rule->ports.first > need->ports.last ||
        rule->ports.last < need->ports.first) {
        return;
    }
    like.proto = need->proto;
    like.ports.first = rule->ports.first > need->ports.first ? rule->ports.first : need->ports.first;
    like.ports.last = rule->ports.last < need->ports.last ? rule->ports.last : need->ports.last;
    if (rule->peer == REACH_PEER_PREFIX) {
        prefix_needed(need, &rule->prefix, &set);
    } else {
        peer_needed(maker, need, rule, &set);
    }
    pieces->failed |= set.failed;
    if (set.count > 0) {
        pieces_add(pieces, &like, &set);
    }
    span_set_done(&set);
}

const struct reach_need *reach_needs_of(const struct reach_needs *needs, uint32_t eni, size_t *ret_count)
{
    size_t low = 0;
    size_t high = needs->count;
    size_t end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (needs->items[middle].eni < eni) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (end = low; end < needs->count && needs->items[end].eni == eni;) {
        end++;
    }
    *ret_count = end - low;
    return &needs->items[low];
}

/* ---- rules ---- */

static int push_rule(struct maker *maker, const struct reach_rule *rule)
{
    struct reach_advice *advice = maker->advice;
    struct reach_rule *rules = reallocarray(advice->rules, advice->count + 1, sizeof(*rules));

    if (rules == NULL) {
        return -ENOMEM;
    }
    advice->rules = rules;
    rules[advice->count++] = *rule;
    return 0;
}

static bool is_whole(const struct pieces *joined, const struct reach_rule *rule)
{
    const struct piece *piece = joined->count == 1 ? &joined->items[0] : NULL;
    struct span span;

    if (piece == NULL || piece->like.proto != rule->proto || piece->like.ports.first != rule->ports.first ||
        piece->like.ports.last != rule->ports.last) {
        return false;
    }
    span = span_of_prefix(&rule->prefix);
    return rule->peer != REACH_PEER_PREFIX ||
           (piece->set.count == 1 && piece->set.items[0].first == span.first && piece->set.items[0].last == span.last);
}

/* Keeps it as it is, or leaves its needed pieces in maker->cut. */
static int make_rule(struct maker *maker, const struct reach_rule *rule)
{
    struct pieces needed = {0};
    struct pieces joined = {0};
    int rc = 0;

    if ((rule->proto != REACH_PROTO_ALL && rule->proto != REACH_TCP && rule->proto != REACH_UDP) || rule->foreign) {
        return push_rule(maker, rule);
    }
    for (size_t i = 0; i < maker->group->holders.count; i++) {
        size_t count;
        const struct reach_need *needs = reach_needs_of(maker->needs, maker->group->holders.items[i], &count);
        for (size_t j = 0; j < count; j++) {
            size_t before = needed.count;
            add_needed(maker, &needs[j], rule, &needed);
            maker->needing[i] = maker->needing[i] || needed.count > before;
        }
    }
    pieces_join(&needed, &joined);
    if (joined.failed) {
        rc = -ENOMEM;
    } else if (is_whole(&joined, rule)) {
        rc = push_rule(maker, rule);
    } else {
        maker->advice->narrowed++;
        for (size_t i = 0; i < joined.count; i++) {
            pieces_add(&maker->cut, &joined.items[i].like, &joined.items[i].set);
        }
    }
    pieces_done(&needed);
    pieces_done(&joined);
    return rc;
}

static int push_piece(struct maker *maker, const struct piece *piece)
{
    struct reach_rule rule = piece->like;
    bool is_ipv6 = rule.prefix.addr.is_ipv6;
    int rc = 0;

    rule.id = NULL;
    if (rule.peer != REACH_PEER_PREFIX) {
        return push_rule(maker, &rule);
    }
    for (size_t i = 0; rc == 0 && i < piece->set.count; i++) {
        struct span span = piece->set.items[i];
        for (;;) {
            struct span covered;
            rule.prefix = span_head(&span, is_ipv6);
            covered = span_of_prefix(&rule.prefix);
            rc = push_rule(maker, &rule);
            if (rc < 0 || covered.last >= span.last) {
                break;
            }
            span.first = covered.last + 1;
        }
    }
    return rc;
}

static bool covers(const struct reach_rule *wide, const struct reach_rule *rule)
{
    struct reach_rule like = *wide;

    like.proto = wide->proto == REACH_PROTO_ALL ? rule->proto : wide->proto;
    return same_peer(&like, rule) && wide->ports.first <= rule->ports.first && wide->ports.last >= rule->ports.last &&
           (rule->peer != REACH_PEER_PREFIX ||
            (wide->prefix.addr.is_ipv6 == rule->prefix.addr.is_ipv6 && wide->prefix.bits <= rule->prefix.bits &&
             prefix_contains(&wide->prefix, &rule->prefix.addr)));
}

/* Drops what another rule admits, too; of two that admit the same the first stays. */
static void drop_covered(struct reach_advice *advice)
{
    size_t count = 0;

    for (size_t i = 0; i < advice->count; i++) {
        bool is_covered = false;
        for (size_t j = 0; !is_covered && j < advice->count; j++) {
            is_covered = j < count || j > i ? covers(&advice->rules[j], &advice->rules[i]) : false;
            is_covered = is_covered && (j < count || !covers(&advice->rules[i], &advice->rules[j]));
        }
        if (!is_covered) {
            advice->rules[count++] = advice->rules[i];
        } else {
            advice->narrowed += advice->rules[i].id != NULL;
        }
    }
    advice->count = count;
}

static int make_rules(struct maker *maker)
{
    struct pieces joined = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < maker->group->rules.count; i++) {
        if (!maker->group->rules.items[i].egress) {
            rc = make_rule(maker, &maker->group->rules.items[i]);
        }
    }
    pieces_join(&maker->cut, &joined);
    rc = rc == 0 && joined.failed ? -ENOMEM : rc;
    for (size_t i = 0; rc == 0 && i < joined.count; i++) {
        rc = push_piece(maker, &joined.items[i]);
    }
    pieces_done(&joined);
    if (rc == 0) {
        drop_covered(maker->advice);
    }
    return rc;
}

/* ---- groups ---- */

/* Every inbound rule of the group is among the advice's, and no other. */
static bool is_same(const struct reach_group *group, const struct reach_advice *advice)
{
    size_t inbound = 0;

    for (size_t i = 0; i < group->rules.count; i++) {
        bool found = group->rules.items[i].egress;
        inbound += !found;
        for (size_t j = 0; !found && j < advice->count; j++) {
            found = reach_rule_equal(&group->rules.items[i], &advice->rules[j]);
        }
        if (!found) {
            return false;
        }
    }
    return inbound == advice->count;
}

static enum reach_advice_kind kind_of(struct maker *maker)
{
    const struct reach_group *group = maker->group;
    enum reach_advice_kind kind = REACH_ADVICE_CHANGE;

    maker->advice->held = group->holders.count;
    if (maker->model->unread[REACH_ENI] || maker->model->unread[REACH_GROUP]) {
        return REACH_ADVICE_UNREAD;
    }
    for (size_t i = 0; i < group->holders.count; i++) {
        size_t count;
        const struct reach_need *needs = reach_needs_of(maker->needs, group->holders.items[i], &count);
        for (size_t j = 0; j < count; j++) {
            kind = needs[j].proto == REACH_PROTO_ALL ? REACH_ADVICE_UNKNOWN : kind;
        }
    }
    return group->holders.count == 0 ? REACH_ADVICE_UNHELD : kind;
}

static int make_advice(const struct reach_model *model, const struct reach_needs *needs, uint32_t group,
                       struct reach_advice *advice)
{
    struct maker maker = {.model = model, .needs = needs, .group = &model->groups.items[group], .advice = advice};
    int rc = 0;

    advice->kind = kind_of(&maker);
    if (advice->kind != REACH_ADVICE_CHANGE) {
        return 0;
    }
    maker.needing = calloc(maker.group->holders.count, sizeof(*maker.needing));
    rc = maker.needing == NULL ? -ENOMEM : make_rules(&maker);
    for (size_t i = 0; rc == 0 && i < maker.group->holders.count; i++) {
        advice->needing += maker.needing[i];
    }
    free(maker.needing);
    pieces_done(&maker.cut);
    if (rc == 0 && is_same(maker.group, advice)) {
        advice->kind = REACH_ADVICE_SAME;
    }
    return rc;
}

int reach_proposal_make(const struct reach_model *model, const struct reach_needs *needs,
                        struct reach_proposal *ret_proposal)
{
    struct reach_proposal proposal = {.items = calloc(model->groups.count + 1, sizeof(*proposal.items))};
    int rc = proposal.items == NULL ? -ENOMEM : 0;

    for (uint32_t i = 0; rc == 0 && i < model->groups.count; i++) {
        proposal.count++;
        rc = make_advice(model, needs, i, &proposal.items[i]);
    }
    if (rc < 0) {
        reach_proposal_done(&proposal);
        return rc;
    }
    *ret_proposal = proposal;
    return 0;
}
