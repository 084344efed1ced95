/* One audit, from a request to settled findings: plan, sweep, settle, score, and a second short look at what changed.
 * Knows the order of things; sweep.h the scanner, settle.h the judgement. */
#ifndef LEASTPORT_AUDITD_JOB_H
#define LEASTPORT_AUDITD_JOB_H

#include "auditd/config/config.h"
#include "auditd/sweep.h"

#include <jansson.h>

struct job;

enum job_phase { JOB_PHASE_SCAN, JOB_PHASE_VERIFY };

const char *job_phase_name(enum job_phase phase);

enum job_end {
    JOB_COMPLETE,   /* the whole plan was looked at and judged */
    JOB_INCOMPLETE, /* what was seen is stored and judged, but the scan ended early; the same request goes on from there
                     */
    JOB_UNANSWERED, /* the whole plan was tried, and no host answered: nothing can be said of any port */
    JOB_FAILED,     /* nothing was looked at: `message` says why */
};

struct job_result {
    enum job_end end;
    bool interrupted;
    char scan_uuid[STORE_UUID_SIZE]; /* "" when no scan had begun */
    char message[SWEEP_TEXT_SIZE];   /* "" when complete */
};

struct job_options {
    struct store *store;
    const struct config *config;
    const struct policy *policy;
    int64_t policy_id;
    const char *scanner;     /* path of the program */
    const char *actor;       /* who asked for it, for the history */
    int64_t resume_since_ms; /* an interrupted scan goes on that began then or later; 0: within the last day */
    json_t *request;         /* has passed request_check(); a reference is taken */
    /* Each may be NULL. Text is borrowed for the call. */
    void (*on_progress)(void *context, enum job_phase phase, const struct observation_progress *progress);
    void (*on_notice)(void *context, enum log_level level, const char *message);
    /* The scan stands in the store, outside of any transaction. */
    void (*on_begun)(void *context, const char *scan_uuid);
    /* Comes once, from the loop; the job is to be destroyed then, and may be so from here. */
    void (*on_ended)(void *context, const struct job_result *result);
    void *context;
};

/* What the options point to is borrowed until on_ended. -errno with what is wrong, in words, in `ret_error`; nothing is
 * called then but on_notice. The caller owns the result until on_ended: job_destroy(). */
MUST_USE int job_start(uv_loop_t *loop, const struct job_options *options, struct job **ret_job,
                       char ret_error[SWEEP_TEXT_SIZE]);

/* Ends the scan early, keeps and judges what was seen; the second time the scanner is killed. */
void job_interrupt(struct job *job);

/* Commits what waits, so that another may write to the store. False when the store failed, which ends the job. */
MUST_USE bool job_flush(struct job *job);

/* Of the scan, "" before it has begun; borrowed until job_destroy(). */
const char *job_scan_uuid(const struct job *job);
enum job_phase job_phase(const struct job *job);

/* Only from on_ended or after it. Takes NULL. */
void job_destroy(struct job *job);

#endif
