/* What is reached by way of a load balancer: client to balancer, then balancer to target. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_THROUGH_H
#define LEASTPORT_AUDITD_REACH_THROUGH_H

#include "auditd/reach/engine.h"

/* Which way is asked for: indices into the model, the listener's and the target's within their record. */
struct reach_passage {
    uint32_t balancer;
    uint32_t listener;
    uint32_t targets;
    uint32_t target;
    uint16_t proto; /* REACH_TCP or REACH_UDP, as the listener has it */
};

/* Asks for the target's port by way of the balancer, for sources as `question` has them (its destination and ports are
 * not looked at). The one cell's port is the target's. A balancer none of whose interfaces is known is UNKNOWN to all
 * sources of the question. -ENOMEM; -ENOENT when the target is no interface of the model. */
MUST_USE int reach_through(struct reach_engine *engine, const struct reach_question *question, bool is_ipv6,
                           const struct reach_passage *passage, struct reach_answer *ret_answer);

#endif
