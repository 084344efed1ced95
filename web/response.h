/* What the HTTP library sends: made of the exchange that it answers. */
#ifndef LEASTPORT_WEB_RESPONSE_H
#define LEASTPORT_WEB_RESPONSE_H

#include <stdbool.h>

struct MHD_Connection;
struct MHD_Response;
struct exchange;

/* Takes the body or the download of the exchange, the answer to that connection. `is_secure`, `closes`: as
 * headers_add() has them. NULL when out of memory. The caller owns the result: MHD_destroy_response(), once it is
 * queued. */
struct MHD_Response *response_make(struct exchange *exchange, struct MHD_Connection *connection, bool is_secure,
                                   bool closes);
/* Of an exchange whose answer is kept, and a 304. Who asks again while it stands gets the same: it is put together
 * once, by the thread that keeps the answer, and belongs to that. NULL when out of memory. */
struct MHD_Response *response_unchanged(const struct exchange *exchange, bool is_secure);

#endif
