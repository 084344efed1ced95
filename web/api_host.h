/* The filters of /api/v1/hosts, which exports take too. */
#ifndef LEASTPORT_WEB_API_HOST_H
#define LEASTPORT_WEB_API_HOST_H

#include "web/params.h"

/* Of struct store_host_filter. */
extern const struct param_table api_host_table;

#endif
