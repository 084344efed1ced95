/* Answers to what a goal asks (reach_goal.h): rows with their proofs, one after the other. */
#ifndef LEASTPORT_AUDITD_REACH_ASKING_H
#define LEASTPORT_AUDITD_REACH_ASKING_H

#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"
#include "auditd/reach_goal.h"

/* `proof` is NULL where there is none. All is borrowed for the call; an error ends the asking. */
typedef int reach_row_fn(void *context, const struct reach_goal *goal, const struct reach_row *row,
                         const struct reach_proof *proof);

/* Rows of all cells, BLOCKED too, with a proof each; from the world then those by way of balancers, without: from
 * `surface`, the engine's, or a new one for NULL. -ENOMEM, or what `take` returned. */
MUST_USE int reach_asking(struct reach_engine *engine, const struct reach_surface *surface,
                          const struct reach_goal *goal, reach_row_fn *take, void *context);

/* Whether the row is of what the goal asks for; with no interface named, every row is. */
bool reach_asking_wants(const struct reach_goal *goal, const struct reach_row *row);

#endif
