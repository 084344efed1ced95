/* Files of other scanners, at the daemon: takes the lines that `leastport import` makes of them, a scan at a time, over
 * the control socket's "import"; one client at a time. Or a file's text, which it reads itself; it opens none. */
#ifndef LEASTPORT_AUDITD_IMPORTS_H
#define LEASTPORT_AUDITD_IMPORTS_H

#include "auditd/control.h"
#include "auditd/desk.h"
#include "auditd/queue.h"
#include "auditd/settings.h"

struct imports;

/* All borrowed until imports_destroy(). */
struct imports_options {
    const struct settings *settings;
    const struct desk *desk;
    struct queue *queue;
};

/* NULL when out of memory. */
struct imports *imports_create(const struct imports_options *options);
/* Takes NULL. */
void imports_destroy(struct imports *imports);

/* Answers at once. Scope and policy are the daemon's own. */
void imports_request(struct imports *imports, struct control_client *client, const json_t *request);

/* The client is no more: what it sent and was not stored is dropped. */
void imports_forget(struct imports *imports, const struct control_client *client);

/* Takes nothing any more. Takes NULL. */
void imports_stop(struct imports *imports);

#endif
