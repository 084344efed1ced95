/* `leastport serve`: the daemon. Holds the database, does the audits that it is asked for over the control socket one
 * after the other, keeps leastport-web running. */
#ifndef LEASTPORT_AUDITD_SERVE_H
#define LEASTPORT_AUDITD_SERVE_H

#include "auditd/options.h"

/* Returns the exit status: 0 after SIGTERM or SIGINT; says on stderr what went wrong otherwise. */
int serve_run(const struct serve_options *options);

#endif
