/* Whether an Accept header takes a media type (RFC 9110 section 12.5.1). */
#ifndef LEASTPORT_WEB_ACCEPT_H
#define LEASTPORT_WEB_ACCEPT_H

#include <stdbool.h>

/* `accept` NULL or empty takes everything. `type` is "application/json", without parameters. The most specific range
 * decides; one with q=0 refuses. */
bool accept_takes(const char *accept, const char *type);

#endif
