/* HTTP requests side by side: one multi handle of libcurl, whose connections are kept and used again. Follows no
 * redirect, and wipes what answers held. Knows of no service. */
#ifndef LEASTPORT_AUDITD_AWS_WIRE_H
#define LEASTPORT_AUDITD_AWS_WIRE_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct wire;

enum { WIRE_BODY_MAX = 32 << 20, WIRE_HEADERS_MAX = 16 };

/* All is borrowed until wire_start() returns. */
struct wire_request {
    const char *method; /* "GET", "PUT" or "POST" */
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *body; /* of POST */
    size_t body_size;
    long timeout_ms;
    bool is_local; /* the machine's or container's own service: never by a proxy */
};

struct wire_answer {
    long status;       /* 0 when none came */
    const char *bytes; /* NUL behind them */
    size_t size;
    const char *failure; /* NULL, or why there is no whole answer: curl's words */
};

/* Borrows the answer while it runs; may start further requests. */
typedef void wire_done(void *context, const struct wire_answer *answer);

/* `ca_bundle` (a path) may be NULL. NULL when out of memory. */
struct wire *wire_create(const char *ca_bundle);
/* Drops what is under way, without a word to its wire_done. */
void wire_destroy(struct wire *wire);

/* -ENOMEM, -EINVAL when curl does not take it. `context` must live until `done` ran. */
MUST_USE int wire_start(struct wire *wire, const struct wire_request *request, wire_done *done, void *context);
size_t wire_busy(const struct wire *wire);
/* Works until something happened, at most so long. -EIO when curl fails as a whole. */
MUST_USE int wire_turn(struct wire *wire, int timeout_ms);
/* One request to its end. */
MUST_USE int wire_fetch(struct wire *wire, const struct wire_request *request, wire_done *done, void *context);

#endif
