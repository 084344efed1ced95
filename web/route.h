/* The table of everything that can be asked for, and the one function that answers. Knows no sockets. */
#ifndef LEASTPORT_WEB_ROUTE_H
#define LEASTPORT_WEB_ROUTE_H

#include "web/exchange.h"

struct framing;

struct route {
    const char *pattern; /* "/api/v1/hosts/{uuid}"; {uuid} matches one RFC 9562 text form */
    const char *media;   /* what it answers with */
    void (*handler)(struct exchange *exchange);
    const char *asset; /* without a handler: the embedded file */
    bool needs_store;
};

/* Ends with a NULL pattern. */
extern const struct route routes[];

/* What of a request decides its answer; borrowed for the call. */
struct request_head {
    const char *method;
    const char *target; /* raw: path and query */
    const char *accept;
    const char *if_none_match;
    const struct framing *framing;
};

/* Fills the exchange in every case, problems included. The caller has checked framing_is_sound(). */
void route_answer(struct exchange *exchange, const struct request_head *head);

#endif
