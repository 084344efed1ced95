/* The filters of /api/v1/endpoints, which exports take too. */
#ifndef LEASTPORT_WEB_API_ENDPOINT_H
#define LEASTPORT_WEB_API_ENDPOINT_H

#include "web/exchange.h"
#include "web/params.h"

/* Of struct store_endpoint_filter. */
extern const struct param_table api_endpoint_table;

/* False with the problem set: it asks for one moment and for all of them. */
bool api_endpoint_is_clear(struct exchange *exchange, const struct store_endpoint_filter *filter);

#endif
