/* The audits of schedules and of clients: as many as the configuration's scans_at_once run side by side, but never two
 * over the same range of a realm, from whatever vantages; the others wait in order. Tells who follows an audit how it
 * goes. */
#ifndef LEASTPORT_AUDITD_QUEUE_H
#define LEASTPORT_AUDITD_QUEUE_H

#include "auditd/control.h"
#include "auditd/desk.h"
#include "auditd/job.h"

struct queue;

enum { QUEUE_WAITING_MAX = 16 };

struct queue_options {
    const struct settings *settings;
    const struct desk *desk;
    const char *scanner;
    /* After queue_stop(): nothing runs any more. */
    void (*on_stopped)(void *context);
    void *context;
};

/* What the options point to is borrowed until queue_destroy(). NULL when out of memory. */
struct queue *queue_create(uv_loop_t *loop, const struct queue_options *options);

/* Only when nothing runs. Takes NULL. */
void queue_destroy(struct queue *queue);

/* Why an audit ended that did not end by itself. */
enum queue_cut {
    QUEUE_CUT_NONE,
    QUEUE_CUT_CANCELLED, /* a client's wish */
    QUEUE_CUT_ASKED,     /* queue_interrupt() */
    QUEUE_CUT_ENDING,    /* queue_stop() */
};

/* An audit that the daemon itself wants. */
struct queue_errand {
    const json_t *request; /* has passed request_check(); copied */
    const char *actor;     /* copied */
    int64_t resume_since_ms;
    void (*on_begun)(void *context, const char *scan_uuid);
    /* Once, maybe from within queue_add(). The result says JOB_FAILED for an audit that never began. */
    void (*on_ended)(void *context, const struct job_result *result, enum queue_cut cut);
    void *context;
};

/* Waits for its turn like those of clients. -ENOMEM: on_ended is not called. */
MUST_USE int queue_add(struct queue *queue, const struct queue_errand *errand, char ret_uuid[STORE_UUID_SIZE]);

/* Ends it early when it runs, drops it when it waits. */
void queue_interrupt(struct queue *queue, const char *uuid);

/* Has what runs commit what it has, so that another may write to the store. False: not now. */
MUST_USE bool queue_flush(struct queue *queue);

/* Goes on with what clients of an earlier daemon handed over and what had not ended with it: their scans from their
 * checkpoints. What is older than a day is left. Once, before the loop runs. The store's errors, -ENOMEM. */
MUST_USE int queue_resume(struct queue *queue);

/* Answers `client` about its request "audit", "cancel". */
void queue_audit(struct queue *queue, struct control_client *client, const json_t *request);
void queue_cancel(struct queue *queue, struct control_client *client, const json_t *request);

/* The client is no more; its audits go on. */
void queue_forget(struct queue *queue, const struct control_client *client);

/* An array as "jobs" in the answer to "status"; a new reference, NULL when out of memory. */
json_t *queue_status(const struct queue *queue);
/* The same of those that ended last. */
json_t *queue_ended(const struct queue *queue);

/* Takes no more, ends what runs early, drops what waits. on_stopped comes from here when nothing runs. A second call
 * kills the scanner. */
void queue_stop(struct queue *queue);

#endif
