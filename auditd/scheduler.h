/* Runs the configuration's schedules within the daemon: decides what is due, hands it to the queue, and keeps in the
 * store what must not happen twice or be lost. Knows times and rows; queue.h knows audits.
 *
 * A run is decided (a row, and up to when everything is decided) in one transaction, begun by another before the queue
 * has it, and ended by a third: whatever a crash cuts off is found again by its row. */
#ifndef LEASTPORT_AUDITD_SCHEDULER_H
#define LEASTPORT_AUDITD_SCHEDULER_H

#include "auditd/inventories.h"

struct scheduler;

struct scheduler_options {
    const struct settings *settings;
    const struct desk *desk;
    struct queue *queue;
    struct inventories *inventories;
};

/* What the options point to is borrowed until scheduler_stop(). -errno with the store's last error. The caller ends the
 * result by scheduler_stop(), whose memory is freed when the loop has closed its handles. */
MUST_USE int scheduler_create(uv_loop_t *loop, const struct scheduler_options *options,
                              struct scheduler **ret_scheduler);

/* Begins nothing more; runs in the queue go on. Takes NULL. */
void scheduler_stop(struct scheduler *scheduler);
/* When the loop has closed its handles. Takes NULL. */
void scheduler_destroy(struct scheduler *scheduler);

/* Answers `client` about its request "schedule". */
void scheduler_request(struct scheduler *scheduler, struct control_client *client, const json_t *request);

#endif
