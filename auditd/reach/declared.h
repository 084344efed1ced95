/* What the world reaches of an interface, as few spans of ports with what decided each: what is worth keeping. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_DECLARED_H
#define LEASTPORT_AUDITD_REACH_DECLARED_H

#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"

struct reach_declared {
    uint32_t address;
    uint16_t proto;
    uint32_t balancer; /* REACH_NONE: directly */
    uint16_t listener; /* the balancer's port */
    bool is_ipv6;      /* of the sources */
    struct reach_ports ports;
    enum reach_verdict verdict;
    double share; /* of the addresses of the world that get in, be it to some client ports only */
    struct reach_step decided;
};

struct reach_declareds {
    struct reach_declared *items;
    size_t count;
};

/* Every port of TCP and UDP of each address of the interface, BLOCKED ones too; of other protocols, and by way of
 * balancers, what is not BLOCKED. Steps borrow from the model. -ENOMEM. The caller ends it by reach_declareds_done(),
 * in any case. */
MUST_USE int reach_declare(struct reach_engine *engine, const struct reach_surface *surface, uint32_t eni,
                           struct reach_declareds *ret_declareds);
void reach_declareds_done(struct reach_declareds *declareds);

#endif
