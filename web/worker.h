/* Threads for what has to wait for another program, so that those that serve everybody never do. */
#ifndef LEASTPORT_WEB_WORKER_H
#define LEASTPORT_WEB_WORKER_H

#include "lib/addr.h"

#include <stdbool.h>

struct worker_pool;

enum { WORKER_THREADS = 4, WORKER_WAITING_MAX = 64 };

/* A negative errno when threads cannot be had. The caller owns the result: worker_pool_destroy(). */
MUST_USE int worker_pool_create(struct worker_pool **ret_pool);
/* Runs what waits, then ends. Takes NULL. */
void worker_pool_destroy(struct worker_pool *pool);
/* Takes no more from now on, and returns when nothing waits or runs. Takes NULL. */
void worker_pool_drain(struct worker_pool *pool);
/* run(context) on one of the threads, once. False, and not run: too many wait, or it takes no more. */
MUST_USE bool worker_pool_run(struct worker_pool *pool, void (*run)(void *context), void *context);

#endif
