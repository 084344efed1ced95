/* One way of getting there: sources that stand in one place, an interface, and what lies between. A question has one or
 * more of them. Inner to reachability: others ask by auditd/reach/engine.h. */
#ifndef LEASTPORT_AUDITD_REACH_LEG_H
#define LEASTPORT_AUDITD_REACH_LEG_H

#include "auditd/reach/engine.h"

enum reach_place {
    REACH_AT_INTERNET,
    REACH_AT_SUBNET,      /* `subnet`; by `peering` where that is another VPC's */
    REACH_AT_UNREAD_PEER, /* behind `peering`, in a VPC that the model lacks; or of an interface whose subnet it lacks
                           */
    REACH_AT_NO_SUBNET,   /* addresses of the VPC that no subnet has */
    REACH_AT_ELSEWHERE,   /* behind whatever private way there may be */
    REACH_AT_BALANCER,    /* clients of a balancer that keeps their addresses; `subnet` and `node` are the node's */
    REACH_AT_ITSELF,
};

struct reach_leg {
    enum reach_place place;
    struct span_set sources; /* owned */
    uint32_t subnet;         /* REACH_NONE: none */
    uint32_t source;         /* the interface, whose groups are asked; REACH_NONE */
    uint32_t peering;        /* REACH_NONE: within the VPC */
    span_value node;
    uint32_t eni;
    uint32_t address;
    uint16_t proto;
    struct reach_ports ports;
    struct reach_ports client;
};

struct reach_cells {
    struct reach_cell *items;
    size_t count;
};

/* The verdict of a cell for all who were asked. */
enum reach_verdict reach_cell_judge(const struct reach_cell *cell, const struct span_set *asked);

/* Lays both over each other: the better verdict counts for a source that both have. Both cover the same ports and stay.
 * -ENOMEM. */
MUST_USE int reach_cells_overlay(const struct reach_cells *a, const struct reach_cells *b,
                                 struct reach_cells *ret_cells);

void reach_leg_done(struct reach_leg *leg);
void reach_cells_done(struct reach_cells *cells);

/* Ascending, without a gap over the leg's ports. -ENOMEM. */
MUST_USE int reach_leg_cells(struct reach_engine *engine, const struct reach_leg *leg, struct reach_cells *ret_cells);

/* The legs of a question, on the heap: each is to be ended, then the array freed. -ENOMEM. */
MUST_USE int reach_legs_of(struct reach_engine *engine, const struct reach_question *question,
                           struct reach_leg **ret_legs, size_t *ret_count);

/* How one wants to leave: `via` is a gateway or a peering. */
struct reach_exit {
    enum reach_hop hop;
    uint32_t via;
};

/* What a route does for one who wants to leave so. */
enum reach_maybe reach_route_leads(const struct reach_model *model, const struct reach_route *route,
                                   struct reach_exit way_out);

/* The addresses that the subnet's table sends by that exit, added to *tri. -ENOMEM. */
MUST_USE int reach_routes_by(struct reach_engine *engine, uint32_t subnet, bool is_ipv6, struct reach_exit way_out,
                             struct reach_tri *tri);

void reach_tri_done(struct reach_tri *tri);
void reach_tri_and(struct reach_tri *tri, const struct reach_tri *other);
/* All of the set is as sure as that. */
void reach_tri_limit(struct reach_tri *tri, enum reach_maybe may);
void reach_tri_fill(struct reach_tri *tri, const struct span_set *set);
enum reach_maybe reach_tri_at(const struct reach_tri *tri, span_value value);

/* The table that counts in a subnet; REACH_NONE when it is not known. */
uint32_t reach_subnet_table(const struct reach_model *model, uint32_t subnet);

/* Whether the internet may begin connections to an address of the interface, as far as interface, gateway and VPC Block
 * Public Access go. `ret_stage` says which of them refuses or is not known. */
enum reach_maybe reach_internet_door(struct reach_engine *engine, uint32_t eni, uint32_t address,
                                     const char **ret_stage);

/* ICMP's echo request as a port, and its reply. */
uint16_t reach_echo_request(bool is_ipv6);
uint16_t reach_echo_reply(bool is_ipv6);

/* How a leg leaves its place and how the answer comes back. */
enum reach_hop reach_leg_hop(const struct reach_leg *leg);

/* The ports that answers go to. */
struct reach_ports reach_leg_return_ports(const struct reach_leg *leg, bool is_ipv6);

#endif
