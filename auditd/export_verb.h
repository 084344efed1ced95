/* `leastport export`: opens what is to be written, then writes it. */
#ifndef LEASTPORT_AUDITD_EXPORT_VERB_H
#define LEASTPORT_AUDITD_EXPORT_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int export_verb_run(const struct export_command *command);

#endif
