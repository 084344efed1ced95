/* Tells what a scan sees: counts it, journals it in the state, hands it to the outputs. Knows neither sockets nor
 * slabs' order of work. */
#ifndef LEASTPORT_SCANNER_REPORT_H
#define LEASTPORT_SCANNER_REPORT_H

#include "scanner/hostgroup.h"
#include "scanner/observation.h"
#include "scanner/output/outputs.h"
#include "scanner/own.h"
#include "scanner/plan.h"
#include "scanner/problem.h"
#include "scanner/progress.h"
#include "scanner/slab.h"
#include "scanner/state.h"
#include "scanner/sweep.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed for the report's life. */
struct report_options {
    const struct plan *plan;
    struct outputs *outputs;
    struct state *state; /* NULL: nothing is journalled */
    struct own *own;
    struct progress *progress;
};

struct report_counts {
    uint64_t open;
    uint64_t services; /* told what answers on so many ports */
    uint64_t hosts_up;
    uint64_t hosts_down;
    uint64_t hosts_unasked; /* of these: that did not answer discovery, */
    uint64_t unasked;       /* and their ports */
    bool canary_start;      /* the canary's first line has been told */
};

struct report;

/* NULL when out of memory. The caller owns the result: report_destroy(). */
struct report *report_create(const struct report_options *options);
void report_destroy(struct report *report);

/* Counts, journals what a state keeps, and hands over to the outputs, at the current time. After a failure (of the
 * state, or when no output is left) the first error stays: report_error(). */
void report_tell(struct report *report, struct observation *observation);
/* Writes what the outputs hold back. To be called before a checkpoint, and ten times a second as long as anything may
 * be told: so much later at most a port or a host is read by who reads along. */
void report_flush(struct report *report);
/* Something that a person should know, on stderr and as a line; `addr` may be NULL. Of those of one code that name a
 * host the first five are said on stderr and the rest is counted, until the scan's last line is told. */
void report_notice(struct report *report, const char *code, const struct addr *addr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Tells again what the state holds, with its own times. -errno with *problem. */
MUST_USE int report_replay(struct report *report, struct problem *problem);

/* A port seen open, and the lines of a host that is done: of its watched ports, then its own. */
void report_open(struct report *report, const struct hostgroup *group, const struct sweep_found *found);
void report_host(struct report *report, const struct hostgroup *group, struct slab *slab, uint64_t slab_number,
                 uint32_t host);

/* What answers on a port that was told as open; all borrowed for the call. */
struct report_answer {
    struct addr host;
    uint16_t port;
    const struct facts *facts;
    const struct evidence *evidence;
    struct span certificate; /* DER; empty without one. Told once, as long as few others come between. */
};
void report_service(struct report *report, const struct report_answer *answer);

const struct report_counts *report_counts(const struct report *report);
/* 0; -EPIPE when nobody listens any more; or the state's error, with its text in *problem (may be NULL). */
MUST_USE int report_error(const struct report *report, struct problem *problem);

#endif
