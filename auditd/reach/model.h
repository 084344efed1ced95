/* What a cloud account declares about its network, as plain records: the model that reachability is worked out on. Both
 * families. Whoever fills it reads; the model itself knows no file, no API and no evaluation. */
#ifndef LEASTPORT_AUDITD_REACH_MODEL_H
#define LEASTPORT_AUDITD_REACH_MODEL_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No record. */
#define REACH_NONE UINT32_MAX

enum { REACH_PROTO_ALL = -1, REACH_PROTO_UNNAMED = 256 };
enum { REACH_TCP = 6, REACH_UDP = 17, REACH_ICMP = 1, REACH_ICMPV6 = 58 };

/* The kinds of records that are read as a list each. */
enum reach_kind {
    REACH_VPC,
    REACH_SUBNET,
    REACH_ACL,
    REACH_GROUP,
    REACH_TABLE,
    REACH_GATEWAY,
    REACH_PEERING,
    REACH_LIST,
    REACH_ENI,
    REACH_BALANCER,
    REACH_TARGETS,
    REACH_BLOCK,    /* VPC Block Public Access */
    REACH_DATABASE, /* of RDS and ElastiCache: interfaces and assets */
    REACH_KINDS,
};

/* Another record by its id. `at` is its index, which reach_model_finish() finds; REACH_NONE when the model has none. */
struct reach_ref {
    const char *id; /* NULL: refers to nothing */
    uint32_t at;
};

#define REACH_LIST_OF(type)                                                                                            \
    struct {                                                                                                           \
        type *items;                                                                                                   \
        size_t count;                                                                                                  \
    }

struct reach_prefixes {
    struct prefix *items;
    size_t count;
};

struct reach_vpc {
    const char *id;
    const char *region;
    struct reach_prefixes prefixes;
    uint32_t main_table; /* found by reach_model_finish(), as the gateway */
    uint32_t gateway;
};

struct reach_subnet {
    const char *id;
    const char *zone;
    struct reach_ref vpc, acl;
    struct reach_ref table; /* of its own; without one the VPC's main table counts */
    struct reach_prefixes prefixes;
};

/* Ports of TCP and UDP. Of ICMP and ICMPv6 they hold type * 256 + code, so that "all codes of a type" is a range, too.
 * Of any other protocol, or all, reach_model_finish() sets 0 to 65535: they have none. */
struct reach_ports {
    uint16_t first, last;
};

struct reach_entry {
    uint32_t number;
    int16_t proto; /* REACH_PROTO_ALL, or 0 to 255 */
    bool egress, allow;
    struct reach_ports ports;
    struct prefix prefix;
};

struct reach_acl {
    const char *id;
    struct reach_ref vpc;
    REACH_LIST_OF(struct reach_entry) entries; /* sorted by number */
};

enum reach_peer { REACH_PEER_PREFIX, REACH_PEER_LIST, REACH_PEER_GROUP };

struct reach_rule {
    const char *id; /* NULL where the source gives none */
    int16_t proto;
    bool egress;
    enum reach_peer peer;
    struct reach_ports ports;
    struct prefix prefix;
    struct reach_ref ref; /* the prefix list or group */
    bool foreign;         /* the group is another account's: that it is not in the model says nothing */
    bool stale;           /* the peering that leads to the group is gone */
};

struct reach_group {
    const char *id;
    const char *name;
    struct reach_ref vpc;
    REACH_LIST_OF(struct reach_rule) rules;
    REACH_LIST_OF(uint32_t) holders; /* interfaces, found by reach_model_finish() */
};

enum reach_hop {
    REACH_HOP_LOCAL,
    REACH_HOP_INTERNET,
    REACH_HOP_NAT,
    REACH_HOP_EGRESS_ONLY,
    REACH_HOP_PEERING,
    REACH_HOP_SERVICE,   /* gateway endpoint of a service: its list's addresses only */
    REACH_HOP_UNMODELED, /* an interface, Gateway Load Balancer, transit or virtual private gateway, ... */
};

enum reach_rank { REACH_STATIC_PREFIX, REACH_STATIC_LIST, REACH_PROPAGATED };

struct reach_route {
    enum reach_hop hop;
    enum reach_rank rank;
    bool blackhole;
    struct reach_ref via; /* of a peering or internet gateway; else only its id counts */
    struct prefix prefix; /* unless `list` is given */
    struct reach_ref list;
};

struct reach_table {
    const char *id;
    struct reach_ref vpc;
    bool is_main;
    struct reach_ref edge; /* the gateway that it belongs to */
    REACH_LIST_OF(struct reach_route) routes;
};

struct reach_gateway {
    const char *id;
    struct reach_ref vpc; /* attached to it */
    uint32_t edge_table;  /* found by reach_model_finish() */
};

struct reach_side {
    struct reach_ref vpc;
    const char *region;
    struct reach_prefixes prefixes;
};

struct reach_peering {
    const char *id;
    bool active;
    struct reach_side sides[2];
};

struct reach_list {
    const char *id;
    bool is_read; /* its entries are known */
    struct reach_prefixes entries;
};

struct reach_address {
    struct prefix prefix; /* more than one address where a prefix is delegated */
    bool is_public;       /* IPv4: a public address is associated. IPv6: it is global */
    struct addr public_address;
};

struct reach_eni {
    const char *id;
    const char *owner; /* the instance, balancer or database that it serves; NULL */
    struct reach_ref subnet;
    REACH_LIST_OF(struct reach_ref) groups;
    REACH_LIST_OF(struct reach_address) addresses;
    bool attached;
    bool admits_all; /* a Network Load Balancer's without groups */
    bool assumed;    /* one of several subnets that a database may lie in: nothing is sure but what holds for all */
    struct reach_ports client; /* ephemeral ports where it begins a connection; 0-0: not known */
};

struct reach_target {
    struct reach_ref eni;
    uint16_t port;
};

enum reach_maybe { REACH_NO, REACH_PERHAPS, REACH_YES };

struct reach_targets {
    const char *id;
    enum reach_maybe preserve; /* the target sees the client's address */
    bool is_read;              /* its targets are known */
    REACH_LIST_OF(struct reach_target) targets;
};

struct reach_listener {
    uint16_t port;
    bool tcp, udp;
    REACH_LIST_OF(struct reach_ref) targets;
};

struct reach_balancer {
    const char *id;
    const char *name;
    enum reach_maybe cross_zone; /* its nodes reach targets of other zones, too */
    REACH_LIST_OF(struct reach_ref) nodes;
    REACH_LIST_OF(struct reach_listener) listeners;
};

/* Instances, databases, balancers: what people name. */
struct reach_asset {
    const char *id;
    const char *name; /* NULL */
    REACH_LIST_OF(struct reach_ref) enis;
};

struct reach_exclusion {
    const char *id; /* of a VPC or subnet */
    bool inbound;   /* both ways, not outbound only */
};

struct reach_block; /* memory */

struct reach_model {
    REACH_LIST_OF(struct reach_vpc) vpcs;
    REACH_LIST_OF(struct reach_subnet) subnets;
    REACH_LIST_OF(struct reach_acl) acls;
    REACH_LIST_OF(struct reach_group) groups;
    REACH_LIST_OF(struct reach_table) tables;
    REACH_LIST_OF(struct reach_gateway) gateways;
    REACH_LIST_OF(struct reach_peering) peerings;
    REACH_LIST_OF(struct reach_list) lists;
    REACH_LIST_OF(struct reach_eni) enis;
    REACH_LIST_OF(struct reach_balancer) balancers;
    REACH_LIST_OF(struct reach_targets) targets;
    REACH_LIST_OF(struct reach_asset) assets;
    REACH_LIST_OF(struct reach_exclusion) exclusions;
    bool blocks_public;           /* VPC Block Public Access is on */
    bool unread[REACH_KINDS];     /* not, or not wholly read: what is missing may be there all the same */
    uint32_t *order[REACH_KINDS]; /* indices by id, made by reach_model_finish() */
    struct reach_block *blocks;
    void *room;
    bool failed; /* memory ran out: sticks until reach_model_finish() says so */
};

/* {0} is empty. Frees all that was pushed and kept. */
void reach_model_done(struct reach_model *model);

/* A copy of the text that lives with the model; NULL for NULL and when memory ran out. */
const char *reach_model_text(struct reach_model *model, const char *text);

/* Memory of the model for one item more, zeroed, behind `count` items, which may move. NULL when memory ran out. */
void *reach_model_room(struct reach_model *model, void *items, size_t count, size_t size);

/* A new last item of a list of the model, zeroed; NULL when memory ran out. */
#define REACH_PUSH(model, list)                                                                                        \
    ((model)->room = reach_model_room((model), (list)->items, (list)->count, sizeof(*(list)->items)),                  \
     (model)->room == NULL ? NULL : ((list)->items = (model)->room, &(list)->items[(list)->count++]))

/* Finds what references mean, sorts entries, and gathers what belongs together. To be called once, when all is pushed;
 * from then on a group's rules may be replaced by others that are finished likewise. -ENOMEM. */
MUST_USE int reach_model_finish(struct reach_model *model);

/* Finds the references of a group's rules (after reach_model_finish(), where they were replaced). */
void reach_model_finish_group(const struct reach_model *model, struct reach_group *group);

/* The VPC of an interface; REACH_NONE when it is not known. */
uint32_t reach_model_vpc_of(const struct reach_model *model, const struct reach_eni *eni);

/* The index of the record with the id; REACH_NONE. */
uint32_t reach_model_find(const struct reach_model *model, enum reach_kind kind, const char *id);

#endif
