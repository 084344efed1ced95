/* `leastport policy suggest`. */
#ifndef LEASTPORT_AUDITD_POLICY_SUGGEST_H
#define LEASTPORT_AUDITD_POLICY_SUGGEST_H

#include "auditd/options.h"

/* Returns the exit status. */
int policy_suggest_run(const struct policy_command *command);

#endif
