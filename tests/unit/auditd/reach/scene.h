/* Models of a few records for the tests of reachability, each made by a line. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_REACH_SCENE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_REACH_SCENE_H

#include "tests/unit/auditd/reach/made.h"

#include <assert.h>

static inline struct prefix scene_prefix(const char *text)
{
    struct prefix prefix;
    int rc = prefix_parse(text, &prefix);

    assert(rc == 0);
    return prefix;
}

static inline struct addr scene_addr(const char *text)
{
    struct addr addr;
    int rc = addr_parse(text, &addr);

    assert(rc == 0);
    return addr;
}

static inline struct reach_ref scene_ref(const char *id)
{
    return (struct reach_ref){.id = id, .at = REACH_NONE};
}

static inline void scene_vpc(struct reach_model *model, const char *id, const char *ipv4, const char *ipv6)
{
    struct reach_vpc *vpc = MADE_PUSH(model, &model->vpcs);

    vpc->id = id;
    vpc->region = "eu-central-1";
    *MADE_PUSH(model, &vpc->prefixes) = scene_prefix(ipv4);
    *MADE_PUSH(model, &vpc->prefixes) = scene_prefix(ipv6);
}

static inline void scene_subnet(struct reach_model *model, const char *id, const char *vpc, const char *acl,
                                const char *ipv4, const char *ipv6)
{
    struct reach_subnet *subnet = MADE_PUSH(model, &model->subnets);

    subnet->id = id;
    subnet->zone = "eu-central-1a";
    subnet->vpc = scene_ref(vpc);
    subnet->acl = scene_ref(acl);
    *MADE_PUSH(model, &subnet->prefixes) = scene_prefix(ipv4);
    *MADE_PUSH(model, &subnet->prefixes) = scene_prefix(ipv6);
}

static inline struct reach_acl *scene_acl(struct reach_model *model, const char *id)
{
    struct reach_acl *acl = MADE_PUSH(model, &model->acls);

    acl->id = id;
    return acl;
}

/* All protocols and ports of the prefix. */
static inline struct reach_entry *scene_entry(struct reach_model *model, struct reach_acl *acl, uint32_t number,
                                              bool egress, const char *prefix)
{
    struct reach_entry *entry = MADE_PUSH(model, &acl->entries);

    *entry = (struct reach_entry){
        .number = number, .proto = REACH_PROTO_ALL, .egress = egress, .allow = true, .prefix = scene_prefix(prefix)};
    return entry;
}

/* As a VPC's default ACL is. */
static inline struct reach_acl *scene_open_acl(struct reach_model *model, const char *id)
{
    struct reach_acl *acl = scene_acl(model, id);

    for (int egress = 0; egress < 2; egress++) {
        scene_entry(model, acl, 100, egress, "0.0.0.0/0");
        scene_entry(model, acl, 101, egress, "::/0");
    }
    return acl;
}

static inline struct reach_group *scene_group(struct reach_model *model, const char *id, const char *vpc)
{
    struct reach_group *group = MADE_PUSH(model, &model->groups);

    group->id = id;
    group->vpc = scene_ref(vpc);
    return group;
}

static inline struct reach_rule *scene_rule(struct reach_model *model, struct reach_group *group, int16_t proto,
                                            uint16_t first, uint16_t last, const char *prefix)
{
    struct reach_rule *rule = MADE_PUSH(model, &group->rules);

    rule->id = "sgr-1";
    rule->proto = proto;
    rule->ports = (struct reach_ports){first, last};
    if (prefix != NULL) {
        rule->prefix = scene_prefix(prefix);
    }
    return rule;
}

static inline struct reach_table *scene_table(struct reach_model *model, const char *id, const char *vpc)
{
    struct reach_table *table = MADE_PUSH(model, &model->tables);

    table->id = id;
    table->vpc = scene_ref(vpc);
    table->is_main = true;
    return table;
}

static inline struct reach_route *scene_route(struct reach_model *model, struct reach_table *table, const char *prefix,
                                              enum reach_hop hop, const char *via)
{
    struct reach_route *route = MADE_PUSH(model, &table->routes);

    route->prefix = scene_prefix(prefix);
    route->hop = hop;
    route->via = scene_ref(via);
    return route;
}

static inline void scene_gateway(struct reach_model *model, const char *id, const char *vpc)
{
    struct reach_gateway *gateway = MADE_PUSH(model, &model->gateways);

    gateway->id = id;
    gateway->vpc = scene_ref(vpc);
}

/* With a public address unless `public_address` is NULL. */
static inline struct reach_eni *scene_eni(struct reach_model *model, const char *id, const char *subnet,
                                          const char *address, const char *public_address)
{
    struct reach_eni *eni = MADE_PUSH(model, &model->enis);
    struct reach_address *own = MADE_PUSH(model, &eni->addresses);

    eni->id = id;
    eni->subnet = scene_ref(subnet);
    eni->attached = true;
    own->prefix = scene_prefix(address);
    own->is_public = public_address != NULL;
    if (public_address != NULL) {
        own->public_address = scene_addr(public_address);
    }
    return eni;
}

static inline void scene_holds(struct reach_model *model, struct reach_eni *eni, const char *group)
{
    *MADE_PUSH(model, &eni->groups) = scene_ref(group);
}

static inline struct reach_peering *scene_peering(struct reach_model *model, const char *id, const char *a,
                                                  const char *b)
{
    struct reach_peering *peering = MADE_PUSH(model, &model->peerings);

    peering->id = id;
    peering->active = true;
    peering->sides[0] = (struct reach_side){.vpc = scene_ref(a), .region = "eu-central-1"};
    peering->sides[1] = (struct reach_side){.vpc = scene_ref(b), .region = "eu-central-1"};
    return peering;
}

#endif
