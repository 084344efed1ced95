/* `leastport inventory`: what the running daemon knows of its inventories. */
#ifndef LEASTPORT_AUDITD_INVENTORY_VERB_H
#define LEASTPORT_AUDITD_INVENTORY_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int inventory_verb_run(const struct inventory_command *command);

#endif
