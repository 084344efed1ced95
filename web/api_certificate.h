/* The filters of /api/v1/certificates, which exports take too. */
#ifndef LEASTPORT_WEB_API_CERTIFICATE_H
#define LEASTPORT_WEB_API_CERTIFICATE_H

#include "web/params.h"

/* Of struct store_certificate_filter. */
extern const struct param_table api_certificate_table;

#endif
