/* Asks what answers at the open ports of one slab, and tells it: between its probes and the lines of its hosts. Keeps
 * the slab's books of what was asked; knows neither how that is done (service/inquirer.h) nor checkpoints. */
#ifndef LEASTPORT_SCANNER_ASKING_H
#define LEASTPORT_SCANNER_ASKING_H

#include "lib/clock.h"
#include "scanner/hostgroup.h"
#include "scanner/plan.h"
#include "scanner/problem.h"
#include "scanner/report.h"
#include "scanner/scope.h"
#include "scanner/slab.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed for its life. */
struct asking_options {
    const struct plan *plan; /* that asks for services */
    const struct scope *scope;
    struct report *report;
    int wake_fd; /* a step ends when it is readable; -1: none */
};

/* Of one slab, whose probes are done; all borrowed until asking_end(). */
struct asking_slab {
    const struct hostgroup *group;
    struct slab *slab;
    /* Whether nothing may be sent to a host any more, although it was probed. */
    bool (*is_barred)(const void *context, const struct addr *addr);
    /* The host's line is due: nothing else of it comes. Not for those that are told. */
    void (*host_done)(void *context, uint32_t host);
    void *context;
};

struct asking;

/* Reads what a sandbox may forbid to read later. -errno with *problem. The caller owns the result. */
MUST_USE int asking_create(const struct asking_options *options, struct asking **ret_asking, struct problem *problem);
void asking_destroy(struct asking *asking);

/* -errno with *problem. */
MUST_USE int asking_begin(struct asking *asking, const struct asking_slab *slab, struct problem *problem);
/* Asks and tells what there is, waits at most until `until`. -errno with *problem. */
MUST_USE int asking_step(struct asking *asking, struct mono_time until, struct problem *problem);
/* As prober_ops have them; also while no slab is asked. */
void asking_limit(struct asking *asking, uint64_t most_pps);
void asking_stop(struct asking *asking);
bool asking_is_done(const struct asking *asking);
bool asking_is_complete(const struct asking *asking);
/* Breaks off what is under way. */
void asking_end(struct asking *asking);
/* Connections made in all. */
uint64_t asking_connects(const struct asking *asking);

#endif
