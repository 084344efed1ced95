/* `leastport acknowledge`, `unacknowledge`, `waive`, `unwaive`: hands what a person decides to the running daemon, or
 * does it where none runs. */
#ifndef LEASTPORT_AUDITD_DISPOSITION_VERB_H
#define LEASTPORT_AUDITD_DISPOSITION_VERB_H

#include "auditd/options.h"

/* An exit status; what went wrong was said. */
int disposition_verb_run(const struct disposition_command *command);

#endif
