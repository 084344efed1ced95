/* What web asks auditd for in somebody's name, and what an answer means to who asked over HTTP. Web itself writes
 * nothing. */
#ifndef LEASTPORT_WEB_ORDER_H
#define LEASTPORT_WEB_ORDER_H

#include "web/exchange.h"

#include <jansson.h>

/* Sends it in the principal's name, and waits: only from a route that asks (route.h). Takes `request`; NULL counts as
 * out of memory. The caller owns the result: an object with "ok": true. NULL with exchange->problem set. */
MUST_USE json_t *order_send(struct exchange *exchange, json_t *request);

/* The reader is given back before that, so that nothing waits with a snapshot. This takes another, which sees what was
 * done. False with the problem set. */
MUST_USE bool order_read_again(struct exchange *exchange);

/* False with the problem set when there is a parameter: what auditd lists is listed whole. */
MUST_USE bool order_takes_no_query(struct exchange *exchange);

/* The answer's member as the whole body. Takes `value`. */
void order_write(struct exchange *exchange, json_t *value);

/* Whether the principal may see what is in that realm as a whole; `realm` NULL: all of them. */
bool order_reaches(const struct exchange *exchange, const char *realm);

/* Who is limited to one realm asks of that one: sets "realm" of the request. False with the problem set when it is not
 * one of theirs, must be named, or tags limit them: `what` says then why that cannot be, as "a scan looks at any host".
 */
bool order_place(struct exchange *exchange, json_t *request, const char *what);

#endif
