/* `leastport schedule`: shows the schedules, and tells the daemon to run, pause and resume them. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_VERB_H
#define LEASTPORT_AUDITD_SCHEDULE_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int schedule_verb_run(const struct schedule_command *command);

#endif
