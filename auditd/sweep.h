/* One run of the scanner: starts it with a plan on its standard input, feeds its lines to ingest as they come, tells
 * how it ended. Knows processes, pipes and the scanner's exit statuses; not what is audited, and judges nothing. */
#ifndef LEASTPORT_AUDITD_SWEEP_H
#define LEASTPORT_AUDITD_SWEEP_H

#include "auditd/ingest/ingest.h"
#include "lib/log.h"

#include <uv.h>

struct sweep;

enum { SWEEP_TEXT_SIZE = 512 };

enum sweep_end {
    SWEEP_DONE,        /* exit status 0 and a scan_end that says complete */
    SWEEP_INTERRUPTED, /* by sweep_interrupt() or a signal that asked for it; what came is stored */
    SWEEP_BROKEN,      /* the scanner failed, died or spoke nonsense; what came is stored */
    SWEEP_UNSTORED,    /* the store failed: `rc`, and store_last_error() says it */
};

struct sweep_outcome {
    enum sweep_end end;
    int rc; /* 0, or -errno of what broke it */
    struct ingest_counts counts;
    char scan_uuid[STORE_UUID_SIZE]; /* "" when no scan had begun */
    bool sent_nothing;               /* an error came before the first probe: the scanner could not begin */
    char message[SWEEP_TEXT_SIZE];   /* what happened, for a person; "" for SWEEP_DONE */
};

struct sweep_options {
    const char *scanner; /* path of the program */
    /* A command that starts it in its place, in words; what is said to it follows. None: `scanner` is started. Borrowed
     * for the call. */
    char *const *run;
    size_t run_count;
    const char *plan; /* JSON; copied */
    const char *scan_uuid;
    int64_t from_slab; /* 0: from the start */
    struct store *store;
    /* How long a scanner that was asked to end may take before it is killed; and how long its pipes may say nothing
     * after its end before they are left, should a process that it started hold them still. */
    uint64_t patience_ms;
    void (*on_observation)(void *context, const struct observation *observation);
    /* A line of the scanner's standard error, a line that was refused, …; borrowed for the call. */
    void (*on_notice)(void *context, enum log_level level, const char *message);
    /* Comes once, last, from the loop; the sweep is to be destroyed then, and may be so from here. */
    void (*on_ended)(void *context, const struct sweep_outcome *outcome);
    void *context;
};

/* 10 s of patience; the rest unset. */
struct sweep_options sweep_options_default(void);

/* -errno when the scanner cannot be started, and nothing was called. The caller owns the result until on_ended:
 * sweep_destroy(). */
MUST_USE int sweep_start(uv_loop_t *loop, const struct sweep_options *options, struct sweep **ret_sweep);

/* Commits what waits in the open batch, so that another may write; the sweep itself ends when the store fails. False
 * when it did. */
MUST_USE bool sweep_flush(struct sweep *sweep);

/* Asks the scanner to end with what it has; the second time, or when it does not within its patience, kills it. */
void sweep_interrupt(struct sweep *sweep);

/* Only from on_ended or after it. Takes NULL. */
void sweep_destroy(struct sweep *sweep);

#endif
