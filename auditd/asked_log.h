/* What was asked of the daemon, into the audit log: all but looking, and pieces of a file that is stored by a later
 * word. Tokens and what web saw have entries of their own, unless they were refused. */
#ifndef LEASTPORT_AUDITD_ASKED_LOG_H
#define LEASTPORT_AUDITD_ASKED_LOG_H

#include "auditd/control.h"
#include "auditd/store/store.h"

/* `asked` is the request's "op" and "do" with a blank between; `error` NULL: it was done. Where it cannot be written
 * the daemon's log says so. */
void asked_log(struct store *store, struct control_client *client, const char *asked, const char *error);

#endif
