/* The engine that probes by plain connects: epoll, its caller's thread, sockets that serve one try after another. It
 * holds the one call of connect() that sends, and the guard before it. What answers is reset before its program hears
 * of it. Knows sockets and errors; not plans, passes or output. */
#ifndef LEASTPORT_SCANNER_CONNECT_H
#define LEASTPORT_SCANNER_CONNECT_H

#include "lib/clock.h"
#include "scanner/probe.h"
#include "scanner/problem.h"
#include "scanner/scope.h"

#include <stdbool.h>
#include <stdint.h>

struct connect_answer {
    uint32_t probe;
    enum probe_answer answer;
    enum reason reason;
    bool from_host;
    /* Not 0: this machine itself refused, no packet left: ENETUNREACH, EPERM, …. */
    int local_errno;
    /* From the connect() to when the answer was there; never 0. */
    uint64_t took_ns;
    /* By when it was there. */
    struct mono_time at;
};

typedef void connect_answer_fn(void *context, const struct connect_answer *answer);

struct connect_options {
    const struct scope *scope; /* borrowed for the engine's life */
    uint32_t sockets;          /* at most so many at once, at least 1 */
    /* Readable when the caller wants connect_poll() to return; -1 for none. Borrowed. */
    int wake_fd;
    /* This machine has run out of something, so that send() is -EAGAIN: said each time. May be NULL. */
    void (*exhausted)(void *context, int error);
    void *context;
};

struct connect_engine;

/* -errno. The caller owns the result: connect_destroy(). */
MUST_USE int connect_create(const struct connect_options *options, struct connect_engine **ret_engine);
/* Another descriptor like wake_fd, borrowed for the engine's life. -errno. */
MUST_USE int connect_wake_on(struct connect_engine *engine, int fd);
/* Closes all sockets, each by RST. */
void connect_destroy(struct connect_engine *engine);

/* `engine` of its functions is a struct connect_engine. send() is -EPERM or -EACCES when the guard refuses. No more
 * sockets are ever open than were on their way at once. */
const struct probe_engine_ops *connect_ops(void);

/* Hands over the answers that are there, waiting until `until` for the first. The callback may send and cancel. -errno.
 */
MUST_USE int connect_poll(struct connect_engine *engine, struct mono_time until, connect_answer_fn *answer,
                          void *context);

/* Tries that the guard has refused: 0 in a scan without a bug. */
uint64_t connect_refused(const struct connect_engine *engine);

#endif
