/* The header fields of an answer: what browsers may do with it, how long it is good, what the handler wants said. */
#ifndef LEASTPORT_WEB_HEADERS_H
#define LEASTPORT_WEB_HEADERS_H

#include <stdbool.h>

struct MHD_Response;
struct exchange;

/* `is_secure`: it goes out over TLS, and browsers shall come by nothing else from now on (RFC 6797). `closes`: the
 * connection ends with it. */
void headers_add(struct MHD_Response *response, const struct exchange *exchange, bool is_secure, bool closes);

#endif
