/* `leastport audit`: one audit, here or by the daemon that holds the database, then the report. */
#ifndef LEASTPORT_AUDITD_AUDIT_H
#define LEASTPORT_AUDITD_AUDIT_H

#include "auditd/options.h"

/* Returns the exit status (enum audit_exit, or 130 after a second SIGINT); says on stderr what went wrong. */
int audit_run(const struct audit_options *options);

#endif
