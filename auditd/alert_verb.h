/* `leastport alert`: shows the outbox, has it try again, sends a test. */
#ifndef LEASTPORT_AUDITD_ALERT_VERB_H
#define LEASTPORT_AUDITD_ALERT_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int alert_verb_run(const struct alert_command *command);

#endif
