/* Reverse proxies in front of the server: whom it believes what a request's way was, and what they say of it. Knows no
 * sockets. */
#ifndef LEASTPORT_WEB_PROXY_H
#define LEASTPORT_WEB_PROXY_H

#include "lib/addr.h"
#include "web/problem.h"

enum { PROXY_FIELDS_MAX = 16, PROXY_HOPS_MAX = 64, PROXY_HOST_SIZE = 256, PROXY_TRUSTED_MAX = 64 };

/* The header fields that the nearest proxy writes. It lets others' through as they came, so one of them is believed and
 * the other never. */
enum proxy_fields_kind {
    PROXY_X_FORWARDED, /* X-Forwarded-For, -Proto, -Host */
    PROXY_FORWARDED,   /* RFC 7239 */
};

struct proxy_options {
    struct prefix trusted[PROXY_TRUSTED_MAX];
    size_t trusted_count;
    enum proxy_fields_kind kind;
    const char *user_header; /* whose value is who asks; NULL: none. Borrowed */
};

/* What stood in one request; borrowed values. */
struct proxy_fields {
    const char *chain[PROXY_FIELDS_MAX];
    size_t chain_count; /* counts on above PROXY_FIELDS_MAX */
    const char *proto;
    const char *host;
    const char *user;
    unsigned user_count;
};

/* What is believed of it. */
struct proxy_word {
    struct addr client;         /* who asked the first trusted proxy */
    bool is_secure;             /* by TLS */
    char host[PROXY_HOST_SIZE]; /* that was asked for; '' when it was not said */
    const char *user;           /* NULL: not said */
};

bool proxy_trusts(const struct proxy_options *options, const struct addr *address);

/* Header by header, in their order. */
void proxy_add(const struct proxy_options *options, struct proxy_fields *fields, const char *name, const char *value);

/* Of a request that came from `peer`, which is trusted: hops are walked from the nearest, and the first that is not
 * trusted asked (RFC 7239 section 5.2 and 8.1; what stands behind it anybody may have written). A hop that names no
 * address ends the walk at the one before. False with the problem set when the fields cannot be read. */
bool proxy_read(const struct proxy_options *options, const struct proxy_fields *fields, const struct addr *peer,
                struct proxy_word *ret_word, struct problem *problem);

#endif
