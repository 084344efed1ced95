/* Reachability for one address and one port at a time, written from the cloud's documentation by rules alone: no sets,
 * no bands, nothing of auditd/reach. What it is asked about is drawn at random. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_REACH_BRUTE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_REACH_BRUTE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    B_VPCS = 3,
    B_SUBNETS = 6,
    B_ACLS = 3,
    B_GROUPS = 5,
    B_LISTS = 2,
    B_ENIS = 8,
    B_PEERINGS = 2,
    B_RULES = 6,
    B_ENTRIES = 10
};
enum { B_ROUTES = 7, B_LIST_ENTRIES = 3, B_NONE = -1, B_ALL = -1, B_UNNAMED = 256, B_TARGETS = 2 };

/* Blocked first, as the module has it; but the module's header is not looked at. */
enum b_verdict { B_BLOCKED, B_TRAPPED, B_UNKNOWN, B_PARTLY, B_REACHES };
enum b_sure { B_NO, B_MAYBE, B_YES };

/* IPv4 uses the first 4 bytes. */
struct b_addr {
    uint8_t bytes[16];
    bool six;
};

struct b_net {
    struct b_addr base;
    int bits;
};

enum b_peer_kind { B_NET, B_LIST, B_GROUP };

struct b_rule {
    bool out;
    int proto, first, last; /* ICMP: type * 256 + code */
    enum b_peer_kind kind;
    struct b_net net;
    int ref; /* a list or a group; beyond their number: one that the model lacks */
    bool foreign;
};

struct b_entry {
    bool out, allow;
    int number, proto, first, last;
    struct b_net net;
};

enum b_hop { B_LOCAL, B_INTERNET, B_NAT, B_EGRESS, B_PEER, B_SERVICE, B_BOX };
enum b_rank { B_STATIC, B_STATIC_LIST, B_PROPAGATED };

struct b_route {
    enum b_hop hop;
    enum b_rank rank;
    bool dead;
    int list; /* B_NONE: `net` */
    struct b_net net;
    int peering;
};

struct b_world {
    struct {
        struct b_net four, six;
        bool gateway;
        bool edge; /* the gateway's own table sends the first subnet to a middlebox */
        struct b_route routes[B_ROUTES * 2];
        int route_count;
        bool has_table;
    } vpcs[B_VPCS];
    struct {
        int vpc, acl; /* acl B_NONE: not read */
        struct b_net four, six;
        int zone;
    } subnets[B_SUBNETS];
    struct {
        struct b_entry entries[B_ENTRIES];
        int count;
    } acls[B_ACLS];
    struct {
        int vpc;
        struct b_rule rules[B_RULES];
        int count;
    } groups[B_GROUPS];
    struct {
        bool read;
        struct b_net entries[B_LIST_ENTRIES];
        int count;
    } lists[B_LISTS];
    struct {
        int subnet;
        bool attached, has_public, admits_all;
        struct b_addr four, six;
        int groups[2]; /* B_NONE: none; B_GROUPS: one that was not read */
    } enis[B_ENIS];
    struct {
        int a, b;
        bool active, same_region;
    } peerings[B_PEERINGS];
    bool blocks, excluded; /* public access; but for the first VPC */
    bool block_unread, gateways_unread, groups_unread;
    struct {
        int node_count, nodes[2];
        int port;
        int target, target_port; /* an interface */
        enum b_sure preserve, cross_zone;
    } balancer;
};

enum b_from { B_FROM_WORLD, B_FROM_NET, B_FROM_ENI };

struct b_question {
    enum b_from from;
    struct b_net net;
    int source, eni;
    bool six;
    int proto, client_first, client_last;
};

/* Whether the address is among those that are asked. */
bool b_asked(const struct b_world *world, const struct b_question *question, struct b_addr source);
enum b_verdict b_judge(const struct b_world *world, const struct b_question *question, struct b_addr source, int port);
/* By way of the world's balancer. */
enum b_verdict b_judge_through(const struct b_world *world, const struct b_question *question, struct b_addr source);

#endif
