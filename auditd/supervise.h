/* Keeps one child program running: starts it, starts it again with growing waits when it dies, gives up when it dies
 * at once again and again. Knows what it says on its first lines, not what it does. */
#ifndef LEASTPORT_AUDITD_SUPERVISE_H
#define LEASTPORT_AUDITD_SUPERVISE_H

#include "auditd/backoff.h"

#include <sys/types.h>
#include <uv.h>

struct supervise;

enum supervise_state {
    SUPERVISE_STARTING, /* runs, has not said that it is ready */
    SUPERVISE_READY,
    SUPERVISE_WAITING, /* died; is started again after its wait */
    SUPERVISE_FAILED,  /* given up */
    SUPERVISE_STOPPED,
};

const char *supervise_state_name(enum supervise_state state);

struct supervise_options {
    const char *program;
    /* NULL-terminated, argv[0] first; borrowed until the supervise is gone. */
    char *const *args;
    /* A line of its standard output that begins so says that it is ready; the rest of that line is what it says. */
    const char *ready_prefix;
    struct backoff_options backoff;
    /* One that was never ready is given up sooner: what it was given is wrong, and time does not mend that. */
    uint32_t unready_deaths_max;
    /* One that ends with this status (from 1 on) before it was ever ready is given up at once: it has said itself what
     * of its arguments is wrong. 0: there is no such status. */
    int misuse_status;
    /* How long a child that was asked to end may take before it is killed. */
    uint64_t patience_ms;
    /* Each may be NULL. `said` is what followed the ready prefix; `how` how it died, for a person. */
    void (*on_ready)(void *context, const char *said);
    void (*on_died)(void *context, const char *how, enum supervise_state next, uint64_t wait_ms);
    /* After supervise_stop(): it is gone, and destroyed. */
    void (*on_stopped)(void *context);
    void *context;
};

/* The back-off's defaults, 4 deaths before it was ever ready (1.4 s), 5 s of patience; the rest unset. */
struct supervise_options supervise_options_default(void);

/* Starts it for the first time. A program that cannot be started is -errno. The caller owns it: supervise_stop(). */
MUST_USE int supervise_create(uv_loop_t *loop, const struct supervise_options *options,
                              struct supervise **ret_supervise);

/* SIGTERM, then SIGKILL when its patience is over. Takes the supervise; on_stopped comes from the loop. */
void supervise_stop(struct supervise *supervise);

enum supervise_state supervise_state(const struct supervise *supervise);
/* 0 while none runs. */
pid_t supervise_pid(const struct supervise *supervise);
uint32_t supervise_restarts(const struct supervise *supervise);
/* Whether it was given up because of its misuse_status. */
bool supervise_was_misused(const struct supervise *supervise);

#endif
