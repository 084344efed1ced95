/* All that the internet reaches: every interface, directly and by way of balancers; kept up to date when a group's
 * rules change. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_SURFACE_H
#define LEASTPORT_AUDITD_REACH_SURFACE_H

#include "auditd/reach/engine.h"

/* Ports of one address for which the same holds. What is BLOCKED for all has no row. */
struct reach_row {
    uint32_t eni;
    uint32_t address;
    uint16_t proto;
    uint32_t balancer; /* REACH_NONE: directly */
    uint32_t listener; /* its index within the balancer */
    bool is_bypass;    /* directly, and by way of a balancer, too */
    bool is_ipv6;      /* of the sources: a balancer turns IPv6 into IPv4 */
    double asked;      /* how many addresses were asked for */
    struct reach_cell cell;
};

struct reach_rows {
    struct reach_row *items;
    size_t count;
};

struct reach_surface;

/* Asks for everything. -ENOMEM. The surface borrows the engine. */
MUST_USE int reach_surface_create(struct reach_engine *engine, struct reach_surface **ret_surface);
void reach_surface_destroy(struct reach_surface *surface);

/* Asks again where the rules of the group, which are others now and finished, matter. -ENOMEM; the surface is then good
 * for nothing but reach_surface_destroy(). */
MUST_USE int reach_surface_refresh(struct reach_surface *surface, uint32_t group);

/* The rows of an interface, and those of which it is the target by way of a balancer, by the balancer. Borrowed until
 * the next refresh. */
const struct reach_rows *reach_surface_direct(const struct reach_surface *surface, uint32_t eni);
const struct reach_rows *reach_surface_through(const struct reach_surface *surface, uint32_t balancer);

/* Rows of one question, appended: a cell each that is not BLOCKED. Takes the answer. -ENOMEM. */
MUST_USE int reach_rows_take(struct reach_rows *rows, const struct reach_row *like, struct reach_answer *answer);
void reach_rows_done(struct reach_rows *rows);

/* The protocols that an interface is to be asked for, so that nothing escapes: TCP, UDP, the family's ICMP, all that
 * its rules name, and REACH_PROTO_UNNAMED for the rest. `protos` holds at least 257; returns how many. */
size_t reach_surface_protos(const struct reach_model *model, uint32_t eni, bool is_ipv6, uint16_t *protos);

#endif
