/* Tokens for a person, as a table or as JSON Lines. */
#ifndef LEASTPORT_AUDITD_TOKEN_LIST_H
#define LEASTPORT_AUDITD_TOKEN_LIST_H

#include "lib/addr.h"

#include <stdbool.h>

/* To standard output; `all`: revoked ones and links as well. Says on standard error why it cannot. */
MUST_USE int token_list_print(const char *db_path, bool all, bool json);

#endif
