/* The filters of /api/v1/findings, which bulk decisions take too. */
#ifndef LEASTPORT_WEB_API_FINDING_H
#define LEASTPORT_WEB_API_FINDING_H

#include "web/params.h"

/* Of struct store_finding_filter. */
extern const struct param_table api_finding_table;

#endif
