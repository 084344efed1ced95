/* `leastport policy suggest --groups`: security groups that admit no more than is needed. */
#ifndef LEASTPORT_AUDITD_GROUP_VERB_H
#define LEASTPORT_AUDITD_GROUP_VERB_H

#include "auditd/options.h"

/* Returns the exit status. */
int group_verb_run(const struct policy_command *command);

#endif
