/* One event of a finding as JSON, as every list of events shows it. */
#ifndef LEASTPORT_WEB_API_CHANGE_H
#define LEASTPORT_WEB_API_CHANGE_H

#include "auditd/store/read.h"

/* A store_change_fn whose context is a struct json_writer. */
int api_change_row(void *context, const struct store_change *change);

#endif
