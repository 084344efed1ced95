/* `leastport policy explain HOST PORT`. */
#ifndef LEASTPORT_AUDITD_POLICY_EXPLAIN_H
#define LEASTPORT_AUDITD_POLICY_EXPLAIN_H

#include "auditd/options.h"

/* Returns the exit status. */
int policy_explain_run(const struct policy_command *command);

#endif
