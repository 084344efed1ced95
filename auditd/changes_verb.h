/* `leastport changes`: what opened, closed and changed between any two scans or dates. Reads the database, beside a
 * running daemon too. */
#ifndef LEASTPORT_AUDITD_CHANGES_VERB_H
#define LEASTPORT_AUDITD_CHANGES_VERB_H

#include "auditd/options.h"

/* An exit status; what went wrong was said. */
int changes_verb_run(const struct changes_command *command);

#endif
