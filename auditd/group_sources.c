#include "auditd/group_sources.h"

#include "auditd/census.h"
#include "auditd/policy/granted.h"
#include "auditd/store/asset.h"

#include <errno.h>
#include <stdlib.h>

/* IPv4 and IPv6. */
struct both {
    struct span_set sets[2];
};

struct group_sources {
    const struct policy *policy;
    const struct rule_set *set;
    const struct reach_model *model;
    struct both *hosts; /* of each of the policy's groups */
};

static void both_done(struct both *both)
{
    span_set_done(&both->sets[0]);
    span_set_done(&both->sets[1]);
}

static void both_add(struct both *both, const struct prefix *prefix)
{
    span_set_add_prefix(&both->sets[prefix->addr.is_ipv6 != 0], prefix);
}

static void both_add_all(struct both *both, const struct reach_prefixes *prefixes)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        both_add(both, &prefixes->items[i]);
    }
}

static void both_fill(struct both *both)
{
    span_set_add(&both->sets[0], span_all(false));
    span_set_add(&both->sets[1], span_all(true));
}

static void both_or(struct both *both, const struct both *other)
{
    span_set_or(&both->sets[0], &other->sets[0]);
    span_set_or(&both->sets[1], &other->sets[1]);
}

static void both_minus(struct both *both, const struct both *other)
{
    span_set_minus(&both->sets[0], &other->sets[0]);
    span_set_minus(&both->sets[1], &other->sets[1]);
}

/* ---- the policy's groups ---- */

static void take_host(void *context, size_t group, const struct store_known *known)
{
    struct group_sources *sources = context;
    bool is_in_cloud = sources->set->groups[group].is_security_group &&
                       reach_model_find(sources->model, REACH_GROUP, sources->set->groups[group].name) != REACH_NONE;

    /* Who holds a security group of the cloud, and by which addresses that counts, the cloud says. */
    for (size_t i = 0; !is_in_cloud && i < known->address_count; i++) {
        const struct addr *addr = &known->addresses[i];
        both_add(&sources->hosts[group], &(struct prefix){*addr, addr->is_ipv6 != 0 ? 128 : 32});
    }
}

/* By their private addresses: a group as a source never means public ones. */
static void take_holders(struct group_sources *sources, size_t group)
{
    uint32_t at = reach_model_find(sources->model, REACH_GROUP, sources->set->groups[group].name);
    const struct reach_group *record = at == REACH_NONE ? NULL : &sources->model->groups.items[at];

    for (size_t i = 0; record != NULL && i < record->holders.count; i++) {
        const struct reach_eni *eni = &sources->model->enis.items[record->holders.items[i]];
        for (size_t j = 0; j < eni->addresses.count; j++) {
            both_add(&sources->hosts[group], &eni->addresses.items[j].prefix);
        }
    }
}

int group_sources_create(struct store *store, const struct policy *policy, const struct reach_model *model,
                         struct group_sources **ret_sources)
{
    struct group_sources *sources = calloc(1, sizeof(*sources));
    int rc;

    if (sources == NULL) {
        return -ENOMEM;
    }
    *sources = (struct group_sources){.policy = policy, .set = policy_rules(policy), .model = model};
    sources->hosts = calloc(sources->set->group_count + 1, sizeof(*sources->hosts));
    rc = sources->hosts == NULL ? -ENOMEM : census_each(store, policy, take_host, sources);
    if (rc < 0) {
        group_sources_destroy(sources);
        return rc;
    }
    for (size_t i = 0; i < sources->set->group_count; i++) {
        if (sources->set->groups[i].is_security_group) {
            take_holders(sources, i);
        }
    }
    *ret_sources = sources;
    return 0;
}

void group_sources_destroy(struct group_sources *sources)
{
    if (sources == NULL) {
        return;
    }
    for (size_t i = 0; sources->hosts != NULL && i < sources->set->group_count; i++) {
        both_done(&sources->hosts[i]);
    }
    free(sources->hosts);
    free(sources);
}

/* ---- what the rules' sources mean ---- */

/* What the rules that were looked at so far come to. */
struct granting {
    const struct group_sources *sources;
    uint32_t vpc;
    struct both from;
    struct both named; /* by groups and prefixes, whatever the world may */
    bool ranges;       /* public ones that are less than the world */
    uint32_t *groups;  /* of the model, by their ids */
    size_t group_count;
};

static void add_peers(const struct granting *granting, struct both *both)
{
    const struct reach_model *model = granting->sources->model;

    for (size_t i = 0; granting->vpc != REACH_NONE && i < model->peerings.count; i++) {
        const struct reach_peering *peering = &model->peerings.items[i];
        for (int side = 0; side < 2; side++) {
            const struct reach_side *far = &peering->sides[1 - side];
            if (!peering->active || peering->sides[side].vpc.at != granting->vpc) {
                continue;
            }
            both_add_all(both, &far->prefixes);
            if (far->vpc.at != REACH_NONE) {
                both_add_all(both, &model->vpcs.items[far->vpc.at].prefixes);
            }
        }
    }
}

static void add_own(const struct granting *granting, struct both *both)
{
    if (granting->vpc != REACH_NONE) {
        both_add_all(both, &granting->sources->model->vpcs.items[granting->vpc].prefixes);
    }
}

/* Private addresses, and all that stand nearer than the internet. */
static void add_inside(const struct granting *granting, struct both *both)
{
    static const struct prefix ranges[] = {{{.bytes = {10}}, 8},
                                           {{.bytes = {172, 16}}, 12},
                                           {{.bytes = {192, 168}}, 16},
                                           {{.bytes = {100, 64}}, 10},
                                           {{.bytes = {0xfc}, .is_ipv6 = 1}, 7}};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        both_add(both, &ranges[i]);
    }
    add_own(granting, both);
    add_peers(granting, both);
}

static void add_class(const struct granting *granting, enum vantage_class vantage_class, struct both *both)
{
    struct both nearer = {{{0}}};

    switch (vantage_class) {
    case VANTAGE_SELF:
    case VANTAGE_PUBLIC_RANGE:
        break;
    case VANTAGE_OWN_VPC:
        add_own(granting, both);
        break;
    case VANTAGE_PEER:
        add_peers(granting, both);
        break;
    case VANTAGE_VPN:
        add_inside(granting, both);
        add_own(granting, &nearer);
        add_peers(granting, &nearer);
        both_minus(both, &nearer);
        break;
    case VANTAGE_WORLD:
        both_fill(both);
        break;
    }
    both_done(&nearer);
}

static void add_source(const struct granting *granting, const struct rule_source *source, struct both *both)
{
    struct both one = {{{0}}};

    switch (source->kind) {
    case RULE_SOURCE_ANYONE:
        both_fill(&one);
        break;
    case RULE_SOURCE_CLASS:
        add_class(granting, source->vantage_class, &one);
        break;
    case RULE_SOURCE_PREFIX:
        both_add(&one, &source->prefix);
        break;
    case RULE_SOURCE_GROUP:
        both_or(&one, &granting->sources->hosts[source->group]);
        break;
    }
    both_or(both, &one);
    both_done(&one);
}

static bool is_class(const struct rule_source *source, enum vantage_class vantage_class)
{
    return source->kind == RULE_SOURCE_CLASS && source->vantage_class == vantage_class;
}

/* The security group that the source is; REACH_NONE. */
static uint32_t group_of(const struct group_sources *sources, const struct rule_source *source)
{
    const struct rule_group *group = source->kind == RULE_SOURCE_GROUP ? &sources->set->groups[source->group] : NULL;

    return group == NULL || !group->is_security_group ? REACH_NONE
                                                      : reach_model_find(sources->model, REACH_GROUP, group->name);
}

static int name_group(struct granting *granting, uint32_t group)
{
    uint32_t *groups = reallocarray(granting->groups, granting->group_count + 1, sizeof(*groups));

    if (groups == NULL) {
        return -ENOMEM;
    }
    granting->groups = groups;
    groups[granting->group_count++] = group;
    return 0;
}

static void forget_group(struct granting *granting, uint32_t group)
{
    size_t count = 0;

    for (size_t i = 0; i < granting->group_count; i++) {
        if (granting->groups[i] != group) {
            granting->groups[count++] = granting->groups[i];
        }
    }
    granting->group_count = count;
}

static int allow_source(struct granting *granting, const struct rule_source *source)
{
    uint32_t group = group_of(granting->sources, source);

    add_source(granting, source, &granting->from);
    if (source->kind == RULE_SOURCE_GROUP || source->kind == RULE_SOURCE_PREFIX) {
        add_source(granting, source, &granting->named);
    }
    granting->ranges = granting->ranges || source->kind == RULE_SOURCE_ANYONE || is_class(source, VANTAGE_WORLD) ||
                       is_class(source, VANTAGE_PUBLIC_RANGE);
    return group == REACH_NONE ? 0 : name_group(granting, group);
}

/* The world alone is forbidden: whoever stands nearer, or is named, stays. */
static void forbid_world(struct granting *granting)
{
    struct both stay = {{{0}}};

    add_inside(granting, &stay);
    both_or(&stay, &granting->named);
    span_set_and(&granting->from.sets[0], &stay.sets[0]);
    span_set_and(&granting->from.sets[1], &stay.sets[1]);
    both_done(&stay);
}

static void forbid_source(struct granting *granting, const struct rule_source *source)
{
    struct both out = {{{0}}};

    if (is_class(source, VANTAGE_WORLD)) {
        forbid_world(granting);
        return;
    }
    add_source(granting, source, &out);
    both_minus(&granting->from, &out);
    both_minus(&granting->named, &out);
    forget_group(granting, group_of(granting->sources, source));
    /* Who is named by a group alone stays unless all are forbidden. */
    granting->group_count = source->kind == RULE_SOURCE_ANYONE ? 0 : granting->group_count;
    granting->ranges = granting->ranges && source->kind != RULE_SOURCE_ANYONE && source->kind != RULE_SOURCE_PREFIX &&
                       source->kind != RULE_SOURCE_GROUP && !is_class(source, VANTAGE_PUBLIC_RANGE);
    both_done(&out);
}

static int on_rule(void *context, const struct rule *rule, bool forbids)
{
    struct granting *granting = context;
    static const struct rule_source anyone = {.kind = RULE_SOURCE_ANYONE};
    const struct rule_source *sources = rule == NULL || rule->source_count == 0 ? &anyone : rule->sources;
    size_t count = sources == &anyone ? 1 : rule->source_count;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (forbids) {
            forbid_source(granting, &sources[i]);
        } else {
            rc = allow_source(granting, &sources[i]);
        }
    }
    return rc;
}

int group_sources_of(const struct group_sources *sources, const struct exposure *exposure, struct reach_need *need)
{
    struct granting granting = {.sources = sources,
                                .vpc = reach_model_vpc_of(sources->model, &sources->model->enis.items[need->eni])};
    int rc = granted_each(sources->policy, exposure, on_rule, &granting);
    bool failed = granting.from.sets[0].failed || granting.from.sets[1].failed;

    both_done(&granting.named);
    if (rc < 0 || failed) {
        both_done(&granting.from);
        free(granting.groups);
        return rc < 0 ? rc : -ENOMEM;
    }
    need->from[0] = granting.from.sets[0];
    need->from[1] = granting.from.sets[1];
    need->ranges = granting.ranges;
    need->groups = granting.groups;
    need->group_count = granting.group_count;
    return 0;
}
