/* `leastport import`: reads another scanner's file, refuses what is not sound or not ours, stores and judges it. */
#ifndef LEASTPORT_AUDITD_IMPORT_VERB_H
#define LEASTPORT_AUDITD_IMPORT_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int import_verb_run(const struct import_command *command);

#endif
