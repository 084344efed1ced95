/* `leastport waive --list`: the waivers that have not ended, as a table or as JSON Lines. */
#ifndef LEASTPORT_AUDITD_WAIVER_LIST_H
#define LEASTPORT_AUDITD_WAIVER_LIST_H

#include "lib/addr.h"

#include <stdio.h>

/* Reads the database beside a running daemon. -errno, with the error said. */
MUST_USE int waiver_list_print(const char *db_path, bool json, FILE *out);

#endif
