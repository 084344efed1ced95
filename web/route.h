/* The table of everything that can be asked for, and the one function that answers. Knows no sockets. */
#ifndef LEASTPORT_WEB_ROUTE_H
#define LEASTPORT_WEB_ROUTE_H

#include "web/coding.h"
#include "web/exchange.h"
#include "web/gate.h"

struct framing;

/* One method of one resource: without a rule nobody may use it. */
struct route {
    const char *pattern; /* "/api/v1/hosts/{uuid}"; {uuid} matches one RFC 9562 text form */
    const char *media;   /* what it answers with */
    struct gate_rule rule;
    void (*handler)(struct exchange *exchange);
    const char *asset; /* without a handler: the embedded file */
    bool needs_store;
    const char *method; /* NULL: GET, and with it HEAD */
    bool takes_content; /* JSON */
    bool asks;          /* auditd, and waits for what it says */
};

/* Ends with a NULL pattern. */
extern const struct route routes[];

/* What of a request decides its answer; borrowed for the call. Headers are NULL when they are not there. */
struct request_head {
    const char *method;
    const char *target; /* raw: path and query */
    const char *accept;
    struct coding_wishes codings; /* its Accept-Encoding */
    const char *if_none_match;
    const struct framing *framing;
    const char *if_match;
    const char *idempotency_key;
    const char *authorization;
    const char *cookie;
    const char *csrf;
    const char *origin;
    const char *fetch_site;
    const char *last_event_id;
    const char *user;    /* who asks, as a trusted proxy says; NULL: none does */
    bool is_secure;      /* the browser's connection is TLS */
    const char *address; /* the client's, for the audit log; NULL: not known */
    const char *content; /* of a request to a route that takes some */
    size_t content_length;
};

/* Whether what stands at that target takes content by that method. */
bool route_takes_content(const char *method, const char *target);

/* Whether what stands there waits for another program. */
bool route_asks(const char *method, const char *target);

/* Whether who asks may do so: content that is larger than strangers' is not read before that. False with the problem
 * set, in an exchange that is of no further use. */
bool route_may(struct exchange *exchange, const struct request_head *head);

/* The problem unless the entity tag of what `represent` writes is one that If-Match names, or there is no If-Match. */
bool route_matches_tag(struct exchange *exchange, void (*represent)(struct exchange *exchange));

/* Fills the exchange in every case, problems included. The caller has checked framing_is_sound(). */
void route_answer(struct exchange *exchange, const struct request_head *head);

#endif
