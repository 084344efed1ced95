/* One score as JSON, as every answer shows it. */
#ifndef LEASTPORT_WEB_API_SCORE_H
#define LEASTPORT_WEB_API_SCORE_H

#include "auditd/store/read.h"
#include "web/json_writer.h"

void api_score_write(struct json_writer *writer, const struct store_score *score);

#endif
