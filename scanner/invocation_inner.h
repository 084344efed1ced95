/* What the files of an invocation share. Nobody else includes it. */
#ifndef LEASTPORT_SCANNER_INVOCATION_INNER_H
#define LEASTPORT_SCANNER_INVOCATION_INNER_H

#include "lib/service.h"
#include "scanner/invocation.h"
#include "scanner/output/outputs.h"
#include "scanner/own.h"
#include "scanner/plan.h"
#include "scanner/progress.h"
#include "scanner/scope.h"
#include "scanner/state.h"

enum { PATH_SIZE = 4096 };

struct invocation {
    const struct options *options;
    enum plan_probe probe; /* where the command line makes the plan */
    struct services *services;
    struct own *own;
    struct plan *plan;
    struct scope *scope;
    struct state *state;
    struct outputs *outputs;
    struct progress progress;
    char scan_id[OBSERVATION_ID_SIZE];
    char *command; /* the command line as a shell takes it */
    int stop_fd;
};

/* -EINVAL with *problem: no UUID. */
MUST_USE int invocation_take_scan_id(struct invocation *run, const char *text, struct problem *problem);

/* run->plan, and what comes with it from a state: run->state, run->scan_id. -errno with *problem. */
MUST_USE int invocation_make_plan(struct invocation *run, struct problem *problem);
/* run->scope, of the plan and what the options add to it; the plan stands by then. -errno with *problem. */
MUST_USE int invocation_make_scope(struct invocation *run, struct problem *problem);

#endif
