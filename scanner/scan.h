/* Runs a plan: slab after slab through the sweep and the engine, with canary, checkpoints and progress; from the first
 * line to the last. */
#ifndef LEASTPORT_SCANNER_SCAN_H
#define LEASTPORT_SCANNER_SCAN_H

#include "scanner/output/outputs.h"
#include "scanner/own.h"
#include "scanner/plan.h"
#include "scanner/problem.h"
#include "scanner/progress.h"
#include "scanner/scope.h"
#include "scanner/state.h"

#include <stdbool.h>
#include <stdint.h>

/* All borrowed for the call. */
struct scan_options {
    struct plan *plan;
    const struct scope *scope;
    struct own *own;
    struct outputs *outputs;
    struct progress *progress;
    struct state *state;             /* NULL: no checkpoints */
    const struct resolver *resolver; /* for a resume: are the names' addresses still theirs? */
    bool resume;                     /* the state holds an earlier part of this scan, which is told again */
    uint64_t from_slab;              /* without a state: the first slab to work */
    uint32_t threads;                /* that send, at most; 0: by the processors */
    const char *link;                /* of raw packets; NULL: the best */
    bool progress_lines;             /* a progress observation once a second */
    const char *arguments;           /* the command line, for formats that keep it */
    int stop_fd;                     /* readable when the scan is to end; -1: it is never asked to */
    /* The wish to end has been heard; makes stop_fd unreadable again. May be NULL without a stop_fd. */
    void (*stopping)(void *context);
    void *context;
};

enum scan_result {
    SCAN_COMPLETE,
    /* Asked to stop: the state, if there is one, holds where it was. */
    SCAN_STOPPED,
    /* The same, because nobody reads the last output any more. */
    SCAN_UNHEARD,
};

/* -errno with *problem; the last line has been told even then, unless the scan did not begin. */
MUST_USE int scan_run(const struct scan_options *options, enum scan_result *ret_result, struct problem *problem);

#endif
