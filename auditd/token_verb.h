/* `leastport token`: who gets in. Asks the daemon, or writes the database where none runs. */
#ifndef LEASTPORT_AUDITD_TOKEN_VERB_H
#define LEASTPORT_AUDITD_TOKEN_VERB_H

#include "auditd/options.h"

/* The exit status. */
MUST_USE int token_verb_run(const struct token_command *command);

#endif
