/* What was asked of the daemon, into the audit log: all but looking, and pieces of a file that is stored by a later
 * word. Tokens and what web saw have entries of their own, unless they were refused. */
#ifndef LEASTPORT_AUDITD_ASKED_LOG_H
#define LEASTPORT_AUDITD_ASKED_LOG_H

#include "auditd/control.h"
#include "auditd/store/store.h"

#include <uv.h>

struct asked_log;

/* `store` is borrowed until asked_log_destroy(). NULL when out of memory. */
struct asked_log *asked_log_create(uv_loop_t *loop, struct store *store);

/* What still waits is tried once more; the daemon's log says how much was lost. Takes NULL. The loop's end comes after.
 */
void asked_log_stop(struct asked_log *log);
void asked_log_destroy(struct asked_log *log);

/* `asked` is the request's "op" and "do" with a blank between; `error` NULL: it was done. While the database cannot be
 * written the entry waits in memory, with its time: 256 of them at most, and a last entry counts those beyond. */
void asked_log_note(struct asked_log *log, const struct control_client *client, const char *asked, const char *error);

/* Nothing is written for it. */
bool asked_log_is_look(const char *asked);

#endif
