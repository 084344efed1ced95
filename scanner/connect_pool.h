/* The connect engines of a scan: one in the caller's thread, and, as soon as there is enough to do, more in threads of
 * their own. Decides which of them sends a probe; whoever uses it sees one engine and one thread. Knows neither plans
 * nor output. */
#ifndef LEASTPORT_SCANNER_CONNECT_POOL_H
#define LEASTPORT_SCANNER_CONNECT_POOL_H

#include "lib/clock.h"
#include "scanner/connect.h"
#include "scanner/probe.h"
#include "scanner/scope.h"

#include <stdint.h>

enum { CONNECT_POOL_THREADS_MAX = 16 };

/* What the pool tells, from within its functions and in the caller's thread. None may call back into it, but that
 * `answered` may send and cancel. */
struct connect_listener {
    connect_answer_fn *answered;
    /* A probe of which send() said that it was on its way could not be sent: this machine had no room for it. */
    void (*not_sent)(void *context, uint32_t probe);
    /* This machine has run out of something: said once for each errno. */
    void (*exhausted)(void *context, int error);
    /* Of the threads wanted (with the caller's) only so many could be started: why. */
    void (*short_of_threads)(void *context, uint32_t wanted, uint32_t started, int error);
    void *context;
};

struct connect_pool_options {
    const struct scope *scope; /* borrowed for the pool's life */
    uint32_t descriptors;      /* at most so many sockets and others at once, at least 1 */
    uint32_t threads;          /* with the caller's; 0: as many as this process may use processors, within reason */
    int wake_fd;               /* readable when connect_pool_poll() is to return; -1 for none. Borrowed. */
    struct connect_listener listener;
};

struct connect_pool;

/* -errno. The caller owns the result: connect_pool_destroy(). */
MUST_USE int connect_pool_create(const struct connect_pool_options *options, struct connect_pool **ret_pool);
/* Ends the threads; closes all sockets, each by RST. */
void connect_pool_destroy(struct connect_pool *pool);

/* `engine` of its functions is a struct connect_pool. send() is -EPERM or -EACCES when the guard refuses. */
const struct probe_engine_ops *connect_pool_ops(void);

/* Tells what is there to tell, waiting until `until` for the first. -errno, -EPERM or -EACCES when the guard has
 * refused a probe. */
MUST_USE int connect_pool_poll(struct connect_pool *pool, struct mono_time until);

/* Threads that send, with the caller's. */
uint32_t connect_pool_threads(const struct connect_pool *pool);
/* Tries that the guard has refused: 0 in a scan without a bug. */
uint64_t connect_pool_refused(const struct connect_pool *pool);

#endif
