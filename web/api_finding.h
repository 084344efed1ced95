/* The filters of /api/v1/findings, which bulk decisions take too. */
#ifndef LEASTPORT_WEB_API_FINDING_H
#define LEASTPORT_WEB_API_FINDING_H

#include "auditd/store/read.h"
#include "web/exchange.h"
#include "web/params.h"

/* Of struct store_finding_filter. */
extern const struct param_table api_finding_table;

/* False, with a problem: the filter is of a past moment, and what is asked for is of now alone. */
bool api_finding_is_of_now(struct exchange *exchange, const struct store_finding_filter *filter);

#endif
