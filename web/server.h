/* The HTTP server: libmicrohttpd's threads, its limits, and the way of a request through framing, route and answer. */
#ifndef LEASTPORT_WEB_SERVER_H
#define LEASTPORT_WEB_SERVER_H

#include "web/authority.h"
#include "web/proxy.h"

struct sandbox;
struct server;
struct tls;

struct server_options {
    const char *db_path;      /* borrowed for the server's life */
    const char *control_path; /* NULL: none; borrowed likewise */
    struct addr address;
    uint16_t port;   /* 0: the kernel chooses */
    struct tls *tls; /* NULL: cleartext; borrowed likewise */
    unsigned threads;
    unsigned connections;         /* beside streams of events */
    unsigned streams;             /* of events */
    unsigned token_streams;       /* and of one token */
    unsigned address_connections; /* of one address, loopback's and trusted proxies' aside; 0: any number */
    uint32_t head_ms;             /* a request's head must be there in this time */
    uint32_t request_ms;          /* and its answer taken in this */
    uint32_t failures;            /* failed attempts to sign in, from an address in a minute; 0: any number */
    uint32_t token_requests;      /* of a token in a minute; 0: any number */
    struct authority_names names;
    struct proxy_options proxy;
    const char *user_default; /* the token's name of whom a proxy names and no token does; NULL: none. Borrowed */
};

struct server_options server_options_default(void);

/* Listens, and makes no thread: who is to be confined is so between this and server_start(). -EADDRINUSE,
 * -EADDRNOTAVAIL, -EACCES from the socket; else -errno. The caller owns it: server_stop(). */
MUST_USE int server_open(const struct server_options *options, struct server **ret_server);
/* Serves until server_stop(). `sandbox` is what /api/v1/health says of it, copied. -errno. */
MUST_USE int server_start(struct server *server, const struct sandbox *sandbox);
/* The port that it listens on. */
uint16_t server_port(const struct server *server);
void server_stop(struct server *server);

#endif
