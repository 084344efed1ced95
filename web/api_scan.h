/* One scan as JSON, as every answer shows it. */
#ifndef LEASTPORT_WEB_API_SCAN_H
#define LEASTPORT_WEB_API_SCAN_H

#include "auditd/store/read.h"
#include "web/json_writer.h"

/* Without its plan. `key` is NULL in an array and at the top. */
void api_scan_write(struct json_writer *writer, const char *key, const struct store_scan *scan);

#endif
