#include "scanner/connect_worker.h"

#include "scanner/ring.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    /* Orders taken up before it looks for answers: those on their way stay few where answers come at once. */
    BATCH = 32,
    /* Of a slot there may wait: its errand, its cancellation, and before them the one of the errand before, which had
     * its result already. */
    ORDERS_PER_SLOT = 3,
    LINE = 64,
};

static const uint32_t CANCEL = UINT32_C(1) << 31;
static const uint32_t END = UINT32_MAX;
static const uint32_t NOWHERE = UINT32_MAX;
static const uint64_t NS_PER_S = UINT64_C(1000000000);
static const uint64_t EXHAUSTION_PAUSE_NS = UINT64_C(10) * 1000 * 1000;

/* Goes to and fro with the slot's number, and belongs to whoever has it: a cache line. */
struct slot {
    struct addr addr;
    uint16_t port;
    uint8_t outcome; /* enum connect_outcome */
    uint8_t answer;  /* enum probe_answer */
    uint8_t reason;  /* enum reason */
    bool from_host;
    int error; /* the answer's local_errno, or why there is none */
    uint64_t took_ns;
    unsigned char rest[16];
};
_Static_assert(sizeof(struct slot) == LINE, "a slot is a cache line");

struct connect_worker {
    struct connect_worker_options options;
    struct connect_engine *engine;
    struct slot *slots;
    uint32_t *positions; /* of each slot's errand in the queue of orders; the owner's */
    uint32_t *handles;   /* of each slot at the engine, or NOWHERE; the thread's */
    struct ring *orders;
    struct ring *results;
    int wake_fd;
    pthread_t thread;
    bool running;
    /* The thread's. */
    bool ending;
    int exhausted; /* of what it has run out */
    struct mono_time paused_until;
    atomic_int error;
};

static void finish(struct connect_worker *worker, uint32_t number, enum connect_outcome outcome, int error)
{
    worker->handles[number] = NOWHERE;
    worker->slots[number].outcome = (uint8_t)outcome;
    worker->slots[number].error = error;
    ring_put(worker->results, number);
}

static void on_answer(void *context, const struct connect_answer *answer)
{
    struct connect_worker *worker = context;
    struct slot *slot = &worker->slots[answer->probe];

    slot->answer = (uint8_t)answer->answer;
    slot->reason = (uint8_t)answer->reason;
    slot->from_host = answer->from_host;
    slot->took_ns = answer->took_ns;
    finish(worker, answer->probe, CONNECT_ANSWERED, answer->local_errno);
}

static void on_exhausted(void *context, int error)
{
    struct connect_worker *worker = context;

    worker->exhausted = error;
}

/* After it has run out of something, what waits goes back untried for a while: its owner does not know yet. */
static void begin(struct connect_worker *worker, uint32_t number)
{
    struct slot *slot = &worker->slots[number];
    int rc;

    if (worker->paused_until.ns != 0 && mono_now().ns < worker->paused_until.ns) {
        finish(worker, number, CONNECT_NOT_SENT, worker->exhausted);
        return;
    }
    worker->paused_until.ns = 0;
    rc = connect_ops()->send(worker->engine, number, &slot->addr, slot->port, &worker->handles[number]);
    if (rc == -EAGAIN) {
        worker->paused_until = mono_add_ns(mono_now(), EXHAUSTION_PAUSE_NS);
        finish(worker, number, CONNECT_NOT_SENT, worker->exhausted);
    } else if (rc < 0) {
        finish(worker, number, CONNECT_REFUSED, -rc);
    }
}

/* An answer may have crossed the cancellation: then the slot has had its result, and nothing is left to do. The slot's
 * next errand cannot have come meanwhile, because the queue keeps the order. */
static void cancel(struct connect_worker *worker, uint32_t number)
{
    if (worker->handles[number] != NOWHERE) {
        connect_ops()->cancel(worker->engine, worker->handles[number]);
        finish(worker, number, CONNECT_CANCELLED, 0);
    }
}

static void take_orders(struct connect_worker *worker)
{
    uint32_t order;

    for (int i = 0; i < BATCH && !worker->ending && ring_take(worker->orders, &order); i++) {
        if (order == END) {
            worker->ending = true;
        } else if ((order & CANCEL) != 0) {
            cancel(worker, order & ~CANCEL);
        } else {
            begin(worker, order);
        }
    }
}

static void wake(int fd)
{
    static const uint64_t one = 1;

    /* It fails only when it is readable already. */
    if (write(fd, &one, sizeof(one)) < 0) {
        assert(errno == EAGAIN);
    }
}

static void quieten(int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0) {
        assert(errno == EAGAIN);
    }
}

/* Waits for orders and answers, or looks for answers only where orders are left. */
static int look(struct connect_worker *worker)
{
    struct mono_time until = {0};
    bool sleeps = ring_doze(worker->orders);
    int rc;

    if (sleeps) {
        until = mono_add_ns(mono_now(), NS_PER_S);
    }
    rc = connect_poll(worker->engine, until, on_answer, worker);
    if (sleeps) {
        ring_rouse(worker->orders);
        quieten(worker->wake_fd);
    }
    return rc;
}

static void *work(void *context)
{
    struct connect_worker *worker = context;
    int rc = 0;

    while (rc == 0 && !worker->ending) {
        take_orders(worker);
        if (ring_publish(worker->results)) {
            wake(worker->options.owner_fd);
        }
        rc = worker->ending ? 0 : look(worker);
        if (ring_publish(worker->results)) {
            wake(worker->options.owner_fd);
        }
    }
    if (rc < 0) {
        atomic_store(&worker->error, rc);
        wake(worker->options.owner_fd);
    }
    return NULL;
}

/* Signals are for the thread that started this one. */
static int start(struct connect_worker *worker)
{
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->running = error == 0;
    return -error;
}

static int open_engine(struct connect_worker *worker)
{
    struct connect_options options = {.scope = worker->options.scope,
                                      .sockets = worker->options.sockets,
                                      .wake_fd = worker->wake_fd,
                                      .exhausted = on_exhausted,
                                      .context = worker};

    return connect_create(&options, &worker->engine);
}

int connect_worker_create(const struct connect_worker_options *options, struct connect_worker **ret_worker)
{
    struct connect_worker *worker = calloc(1, sizeof(*worker));
    int rc = -ENOMEM;

    assert(options->slots >= 1 && options->slots < CANCEL / 4);
    if (worker == NULL) {
        return -ENOMEM;
    }
    worker->options = *options;
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake_fd < 0) {
        rc = -errno;
        goto fail;
    }
    worker->slots = aligned_alloc(LINE, options->slots * sizeof(*worker->slots));
    worker->positions = calloc(options->slots, sizeof(*worker->positions));
    worker->handles = calloc(options->slots, sizeof(*worker->handles));
    worker->orders = ring_create(ORDERS_PER_SLOT * options->slots + 1);
    worker->results = ring_create(options->slots);
    if (worker->slots == NULL || worker->positions == NULL || worker->handles == NULL || worker->orders == NULL ||
        worker->results == NULL) {
        goto fail;
    }
    rc = open_engine(worker);
    if (rc == 0) {
        rc = start(worker);
    }
    if (rc < 0) {
        goto fail;
    }
    *ret_worker = worker;
    return 0;
fail:
    connect_worker_destroy(worker);
    return rc;
}

void connect_worker_destroy(struct connect_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->running) {
        ring_put(worker->orders, END);
        connect_worker_publish(worker);
        pthread_join(worker->thread, NULL);
    }
    connect_destroy(worker->engine);
    if (worker->wake_fd >= 0) {
        close(worker->wake_fd);
    }
    ring_destroy(worker->orders);
    ring_destroy(worker->results);
    free(worker->handles);
    free(worker->positions);
    free(worker->slots);
    free(worker);
}

void connect_worker_hand(struct connect_worker *worker, uint32_t slot, const struct addr *addr, uint16_t port)
{
    struct slot *place = &worker->slots[slot];

    place->addr = *addr;
    place->port = port;
    worker->positions[slot] = ring_position(worker->orders);
    ring_put(worker->orders, slot);
}

void connect_worker_cancel(struct connect_worker *worker, uint32_t slot)
{
    ring_put(worker->orders, slot | CANCEL);
}

void connect_worker_publish(struct connect_worker *worker)
{
    if (ring_publish(worker->orders)) {
        wake(worker->wake_fd);
    }
}

uint32_t connect_worker_waiting(const struct connect_worker *worker)
{
    return ring_waiting(worker->orders);
}

bool connect_worker_has_begun(const struct connect_worker *worker, uint32_t slot)
{
    return ring_has_left(worker->orders, worker->positions[slot]);
}

bool connect_worker_take(struct connect_worker *worker, struct connect_result *ret_result)
{
    const struct slot *slot;
    uint32_t number;

    if (!ring_take(worker->results, &number)) {
        return false;
    }
    slot = &worker->slots[number];
    *ret_result =
        (struct connect_result){.slot = number, .outcome = (enum connect_outcome)slot->outcome, .error = slot->error};
    if (slot->outcome == CONNECT_ANSWERED) {
        ret_result->answer = (struct connect_answer){.probe = number,
                                                     .answer = (enum probe_answer)slot->answer,
                                                     .reason = (enum reason)slot->reason,
                                                     .from_host = slot->from_host,
                                                     .local_errno = slot->error,
                                                     .took_ns = slot->took_ns};
    }
    return true;
}

bool connect_worker_doze(struct connect_worker *worker)
{
    return ring_doze(worker->results);
}

void connect_worker_rouse(struct connect_worker *worker)
{
    ring_rouse(worker->results);
}

int connect_worker_error(const struct connect_worker *worker)
{
    return atomic_load(&worker->error);
}
