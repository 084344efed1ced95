/* `leastport policy apply FILE [--dry-run]`. */
#ifndef LEASTPORT_AUDITD_POLICY_APPLY_H
#define LEASTPORT_AUDITD_POLICY_APPLY_H

#include "auditd/options.h"

/* Returns the exit status. */
int policy_apply_run(const struct policy_command *command);

#endif
