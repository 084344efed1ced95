/* What people decide about findings, at the daemon: answers the control socket's "disposition", and ends waivers when
 * their time has come. Rules of the policy have an end, too: then all is judged anew. */
#ifndef LEASTPORT_AUDITD_DISPOSITIONS_H
#define LEASTPORT_AUDITD_DISPOSITIONS_H

#include "auditd/control.h"
#include "auditd/desk.h"
#include "auditd/queue.h"
#include "auditd/settings.h"

struct dispositions;

/* All borrowed until dispositions_destroy(). */
struct dispositions_options {
    const struct settings *settings;
    const struct desk *desk;
    struct queue *queue;
};

/* Looks at once, and then every 10 s, what has ended. NULL when out of memory. */
struct dispositions *dispositions_create(uv_loop_t *loop, const struct dispositions_options *options);

/* Answers at once. The actor is who the kernel says the client is. */
void dispositions_request(struct dispositions *dispositions, struct control_client *client, const json_t *request);

/* Looks no more. Takes NULL; a second call does nothing. */
void dispositions_stop(struct dispositions *dispositions);
/* After the loop has run its closing callbacks. Takes NULL. */
void dispositions_destroy(struct dispositions *dispositions);

#endif
