/* A connect engine in a thread of its own. Its owner hands it errands, each in a slot, and gets one result back for
 * each; both go through queues, so that neither waits for the other. Knows neither what the errands are for nor how
 * many workers there are. */
#ifndef LEASTPORT_SCANNER_CONNECT_WORKER_H
#define LEASTPORT_SCANNER_CONNECT_WORKER_H

#include "lib/addr.h"
#include "scanner/connect.h"
#include "scanner/scope.h"

#include <stdbool.h>
#include <stdint.h>

struct connect_worker;

struct connect_worker_options {
    const struct scope *scope; /* borrowed for the worker's life */
    uint32_t sockets;          /* at most so many at once, at least 1 */
    uint32_t slots;            /* errands in its hands at once: what is cancelled keeps its slot until its result */
    int owner_fd;              /* an eventfd, written to when results are there and the owner dozes; borrowed */
};

/* Descriptors that a worker takes beside its sockets. */
enum { CONNECT_WORKER_DESCRIPTORS = 2 };

/* Starts the thread. -errno, -EAGAIN when there may be no more threads. The caller owns the result. */
MUST_USE int connect_worker_create(const struct connect_worker_options *options, struct connect_worker **ret_worker);
/* Ends the thread; what is on its way is reset. */
void connect_worker_destroy(struct connect_worker *worker);

/* All that follows is the owner's, from one thread. */

/* A slot is the owner's from the beginning and after its result, else the worker's. The errand waits until
 * connect_worker_publish(). */
void connect_worker_hand(struct connect_worker *worker, uint32_t slot, const struct addr *addr, uint16_t port);
/* What it has to say is no longer of interest. Its result comes all the same, whichever: the slot is free after that.
 */
void connect_worker_cancel(struct connect_worker *worker, uint32_t slot);
void connect_worker_publish(struct connect_worker *worker);
/* Errands and cancellations that it has not taken up yet. */
uint32_t connect_worker_waiting(const struct connect_worker *worker);
/* Whether the slot's errand is among them: nothing has been sent for it. */
bool connect_worker_has_begun(const struct connect_worker *worker, uint32_t slot);

enum connect_outcome {
    CONNECT_ANSWERED,
    CONNECT_CANCELLED,
    CONNECT_NOT_SENT, /* this machine has no room: `error` says of what */
    CONNECT_REFUSED,  /* by the guard, or the engine has failed: `error` says how */
};

struct connect_result {
    uint32_t slot;
    enum connect_outcome outcome;
    int error;
    struct connect_answer answer; /* of CONNECT_ANSWERED; its probe is the slot */
};

/* False: none is there. */
MUST_USE bool connect_worker_take(struct connect_worker *worker, struct connect_result *ret_result);
/* True: the owner may sleep until owner_fd is readable; false: there is something to take. */
MUST_USE bool connect_worker_doze(struct connect_worker *worker);
void connect_worker_rouse(struct connect_worker *worker);
/* -errno when it has failed as a whole; no more results come then. */
MUST_USE int connect_worker_error(const struct connect_worker *worker);

#endif
