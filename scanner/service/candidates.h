/* Which protocol to try next at an endpoint, in clear and inside TLS: the likely one of its port, HTTP, then the others
 * by rank (Izhikevich et al., LZR, USENIX Security 2021, section 6). Pure; knows neither time nor connections. */
#ifndef LEASTPORT_SCANNER_SERVICE_CANDIDATES_H
#define LEASTPORT_SCANNER_SERVICE_CANDIDATES_H

#include "scanner/service/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CANDIDATES_MAX = 64 };

struct candidates {
    const struct protocol *const *table; /* at most CANDIDATES_MAX */
    size_t count;
    uint16_t port;
    bool secured;      /* which of the two is meant now */
    uint64_t tried[2]; /* in clear, inside TLS: by place in the table */
};

void candidates_init(struct candidates *candidates, const struct protocol *const *table, size_t count, uint16_t port);

bool candidates_tried(const struct candidates *candidates, const struct protocol *protocol);
void candidates_set_tried(struct candidates *candidates, const struct protocol *protocol);
void candidates_clear_tried(struct candidates *candidates, const struct protocol *protocol);
/* All that wait for the rest of foreign questions. */
void candidates_clear_waiting(struct candidates *candidates);

/* On this port; inside TLS what is likely there in clear counts too: many move to TLS and keep their port. */
bool candidates_is_likely(const struct candidates *candidates, const struct protocol *protocol);

/* The likely one that is not tried, only of those that ask; NULL when none is left. */
const struct protocol *candidates_likely(const struct candidates *candidates);
const struct protocol *candidates_http(const struct candidates *candidates);
const struct protocol *candidates_ranked(const struct candidates *candidates);
/* Of those that the bytes may still become, the likely one or the first. */
const struct protocol *candidates_maybe(const struct candidates *candidates, struct span bytes);
/* As protocol_recognise(), among this table. */
const struct protocol *candidates_recognise(const struct candidates *candidates, struct span bytes, bool *ret_maybe);

/* Whether a protocol whose servers speak first, or a delicate one, is likely on the port. */
bool candidates_expect_greeting(const struct candidates *candidates);
bool candidates_expect_delicate(const struct candidates *candidates);
/* Whether the port is known for TLS from the first byte, and for nothing in clear. */
bool candidates_expect_tls(const struct candidates *candidates);

#endif
