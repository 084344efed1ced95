/* What a change of rules opens and closes to the internet: two models of one cloud, before it and after. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_CHANGE_H
#define LEASTPORT_AUDITD_REACH_CHANGE_H

#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"

struct reach_change_side {
    const struct reach_model *model;
    const struct reach_surface *surface;
};

/* Whether the two differ in rules alone: records that come or go would make another cloud, whose rows cannot be held
 * against these. */
bool reach_change_is_of_rules(const struct reach_model *before, const struct reach_model *after);

/* A row that opens, else closes; borrowed for the call. An error ends the telling. */
typedef int reach_change_fn(void *context, bool opens, const struct reach_row *row);

/* Directly by interface, then by way of balancers; what opens before what closes, of each. The two are of one cloud, by
 * reach_change_is_of_rules(). -ENOMEM, or what `take` returned. */
MUST_USE int reach_change_tell(const struct reach_change_side *before, const struct reach_change_side *after,
                               reach_change_fn *take, void *context);

/* Why the first port of a row is open to the first of its sources: in the engine of the model after the change for what
 * opens, of that before it for what closes. -ENOENT where a balancer brings it, -ENOMEM. */
MUST_USE int reach_change_prove(struct reach_engine *engine, const struct reach_row *row,
                                struct reach_proof *ret_proof);

#endif
