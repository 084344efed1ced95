/* Asks what answers at open TCP ports, thousands of endpoints at once, on its caller's thread: it gives each inquiry
 * its sockets and TLS sessions, holds the guard before every connect, and keeps to rates, ceilings and each host's
 * patience. Knows neither slabs nor output. */
#ifndef LEASTPORT_SCANNER_SERVICE_INQUIRER_H
#define LEASTPORT_SCANNER_SERVICE_INQUIRER_H

#include "lib/addr.h"
#include "lib/clock.h"
#include "scanner/pacer.h"
#include "scanner/scope.h"
#include "scanner/service/identity.h"
#include "scanner/service/tls.h"

#include <stdbool.h>
#include <stdint.h>

enum { INQUIRER_PER_HOST = 8, INQUIRER_SEED_SIZE = 16 };

/* Printers take what comes here for a page (AppSocket, JetDirect), whatever it is: no connection is made to these, and
 * of an open one "behaviour" is told as "not-asked". */
enum { INQUIRER_PRINTER_FIRST = 9100, INQUIRER_PRINTER_LAST = 9107 };

struct inquirer_host {
    struct addr addr;
    const char *name;   /* that it was given by; NULL. Borrowed while the host is asked */
    uint32_t probed;    /* how many of its ports were probed … */
    uint32_t open;      /* … and how many of these are open; 0: none is asked */
    bool is_every_port; /* it is known already, from an earlier part of this scan, that it accepts every port */
};

/* Who is to be asked; read as the work goes on, so that nothing is kept of what has not begun. */
struct inquirer_source {
    uint32_t hosts;
    void (*host)(const void *context, uint32_t host, struct inquirer_host *ret_host);
    /* The host's lowest port from `from` on that is to be asked; -1: none. */
    int32_t (*next_port)(const void *context, uint32_t host, uint32_t from);
    /* Whether the port was probed at all: control ports are taken from the others. */
    bool (*was_probed)(const void *context, uint32_t host, uint16_t port);
    const void *context;
};

/* None may call back into the inquirer. */
struct inquirer_listener {
    /* The identity is lent for the call. Once for each endpoint that is asked to the end, but for the many of an
     * every-port host of which nothing else can be said. */
    void (*identified)(void *context, uint32_t host, uint16_t port, const struct identity *identity);
    /* A middlebox or a tarpit answers for the host: ports that nobody uses accept as well (LZR, USENIX Security 2021,
     * section 5). Said once, before anything else of it, and not of one that is_every_port; its ports are asked only
     * where a protocol is likely, and told only where one answers. */
    void (*every_port)(void *context, uint32_t host);
    /* Nothing of the host is left to be asked. */
    void (*host_done)(void *context, uint32_t host);
    /* This machine has run out of something: the connection is made later. */
    void (*exhausted)(void *context, int error);
    void *context;
};

/* Pointers are borrowed for the inquirer's life. */
struct inquirer_options {
    const struct scope *scope;
    const struct tls_context *tls;
    struct pacer_rate rate; /* of connects, all together and to one host */
    struct pacer_rate host_rate;
    uint32_t sockets;                 /* at most so many at once, at least 1 */
    uint32_t per_host;                /* INQUIRER_PER_HOST */
    bool doors;                       /* as dialogue_target has it */
    bool printers;                    /* INQUIRER_PRINTER_FIRST to _LAST are asked like other ports */
    uint8_t seed[INQUIRER_SEED_SIZE]; /* chooses control ports */
    int wake_fd;                      /* a step ends when it is readable; -1: none */
    struct inquirer_source source;
    struct inquirer_listener listener;
};

struct inquirer;

/* -errno. The caller owns the result: inquirer_destroy(), which breaks off what is under way. */
MUST_USE int inquirer_create(const struct inquirer_options *options, struct inquirer **ret_inquirer);
void inquirer_destroy(struct inquirer *inquirer);

/* Does what there is to do, and waits at most until `until` for more. -errno: memory, the poll; -ENOBUFS: no room for a
 * connection on this machine for a minute; -EPERM or -EACCES when the guard has refused a connect, and then nothing was
 * sent. */
MUST_USE int inquirer_step(struct inquirer *inquirer, struct mono_time until);
/* Connects a second that this machine bears at the moment, below options->rate; 0: any. */
void inquirer_limit(struct inquirer *inquirer, uint64_t most_pps);
/* Begins nothing more and breaks off what is under way: that is not told, and is to be asked again. It is done then. */
void inquirer_stop(struct inquirer *inquirer);
bool inquirer_is_done(const struct inquirer *inquirer);
/* Done to the end rather than stopped. */
bool inquirer_is_complete(const struct inquirer *inquirer);
/* Connections that were begun, and endpoints that were told. */
uint64_t inquirer_connects(const struct inquirer *inquirer);
uint64_t inquirer_told(const struct inquirer *inquirer);

#endif
