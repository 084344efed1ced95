#include "scanner/connect_pool.h"

#include "scanner/connect_worker.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    ERRNOS_SAID = 16,
    /* The bookkeeping of one thread feeds no more. */
    THREADS_AUTOMATIC = 8,
    /* A thread is worth its descriptors only when it can hold so many. */
    SOCKETS_LEAST = 128,
    /* Between two polls: fewer are sent by this thread alone, because to wake another costs more than they do; after
     * so many rounds in a row with so many there is enough to do to start the others. */
    BUSY_SENDS = 24,
    BUSY_ROUNDS = 4,
    /* Errands that wait for a worker: as many as it can do while this thread is at its own, and a few for its sleep. */
    AHEAD = 256,
    /* A worker that sleeps begins with so many, and need not wait for the rest. */
    PUBLISHED_AT_ONCE = 16,
};

static const uint32_t NOWHERE = UINT32_MAX;

/* What the pool knows of a worker's slot. */
struct place {
    uint32_t probe;
    uint32_t next; /* free */
    bool held;     /* in the worker's hands */
    bool cancelled;
};

struct team {
    struct connect_worker *worker;
    struct place *places;
    uint32_t place_count;
    uint32_t fresh; /* the places from here on were never used */
    uint32_t free_head;
    uint32_t room;      /* sockets it may have */
    uint32_t busy;      /* errands in its hands that are not cancelled */
    uint32_t allowance; /* errands that it may be given in this round */
    uint32_t unpublished;
};

struct connect_pool {
    struct connect_pool_options options;
    struct connect_engine *engine;
    uint32_t sockets;
    uint32_t room; /* sockets that the engine may have */
    uint32_t busy; /* of these, on their way */
    uint32_t most_busy;
    struct team *teams;
    uint32_t team_count;
    uint32_t wanted; /* teams to be started */
    int done_fd;
    uint32_t sends; /* since the last poll */
    uint32_t busy_rounds;
    bool shares; /* with the workers, in this round */
    struct mono_time now;
    uint64_t refused;
    int failed; /* what the next poll is to return */
    int said[ERRNOS_SAID];
    size_t said_count;
};

static void say_exhausted(void *context, int error)
{
    struct connect_pool *pool = context;

    for (size_t i = 0; i < pool->said_count; i++) {
        if (pool->said[i] == error) {
            return;
        }
    }
    if (pool->said_count < ERRNOS_SAID) {
        pool->said[pool->said_count++] = error;
    }
    pool->options.listener.exhausted(pool->options.listener.context, error);
}

static uint32_t processors(void)
{
    cpu_set_t set;

    /* It fails only where there are more than fit the set. */
    return sched_getaffinity(0, sizeof(set), &set) < 0 ? CPU_SETSIZE : (uint32_t)CPU_COUNT(&set);
}

static uint32_t descriptors_beside(uint32_t teams)
{
    return teams > 0 ? teams * CONNECT_WORKER_DESCRIPTORS + 1 : 0;
}

/* How many threads beside the caller's are to be had. */
static uint32_t affordable_teams(const struct connect_pool_options *options)
{
    uint32_t teams = options->threads;

    if (teams == 0) {
        teams = processors() < THREADS_AUTOMATIC ? processors() : THREADS_AUTOMATIC;
    }
    teams--;
    while (teams > 0 && options->descriptors < (teams + 1) * SOCKETS_LEAST + descriptors_beside(teams)) {
        teams--;
    }
    return teams;
}

int connect_pool_create(const struct connect_pool_options *options, struct connect_pool **ret_pool)
{
    struct connect_pool *pool = calloc(1, sizeof(*pool));
    struct connect_options engine = {
        .scope = options->scope, .wake_fd = options->wake_fd, .exhausted = say_exhausted, .context = pool};
    int rc = -ENOMEM;

    assert(options->descriptors >= 1 && options->threads <= CONNECT_POOL_THREADS_MAX);
    if (pool == NULL) {
        return -ENOMEM;
    }
    pool->options = *options;
    pool->done_fd = -1;
    pool->wanted = affordable_teams(options);
    pool->sockets = options->descriptors - descriptors_beside(pool->wanted);
    pool->room = pool->sockets;
    pool->teams = calloc(pool->wanted + 1, sizeof(*pool->teams));
    if (pool->teams == NULL) {
        goto fail;
    }
    engine.sockets = pool->sockets;
    rc = connect_create(&engine, &pool->engine);
    if (rc < 0) {
        goto fail;
    }
    if (pool->wanted + 1 < options->threads) {
        options->listener.short_of_threads(options->listener.context, options->threads, pool->wanted + 1, EMFILE);
    }
    *ret_pool = pool;
    return 0;
fail:
    connect_pool_destroy(pool);
    return rc;
}

static void team_done(struct team *team)
{
    connect_worker_destroy(team->worker);
    free(team->places);
}

void connect_pool_destroy(struct connect_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (uint32_t i = 0; pool->teams != NULL && i < pool->team_count; i++) {
        team_done(&pool->teams[i]);
    }
    connect_destroy(pool->engine);
    if (pool->done_fd >= 0) {
        close(pool->done_fd);
    }
    free(pool->teams);
    free(pool);
}

uint32_t connect_pool_threads(const struct connect_pool *pool)
{
    return pool->team_count + 1;
}

uint64_t connect_pool_refused(const struct connect_pool *pool)
{
    return pool->refused + connect_refused(pool->engine);
}

/* What is cancelled keeps its place until the worker has taken notice, while the socket is free for the next: so there
 * are more places than sockets. */
static int team_init(const struct connect_pool *pool, uint32_t room, struct team *team)
{
    struct connect_worker_options options = {
        .scope = pool->options.scope, .sockets = room, .slots = 2 * room, .owner_fd = pool->done_fd};
    int rc = -ENOMEM;

    *team = (struct team){.room = room, .place_count = options.slots, .free_head = NOWHERE};
    team->places = calloc(options.slots, sizeof(*team->places));
    if (team->places != NULL) {
        rc = connect_worker_create(&options, &team->worker);
    }
    if (rc < 0) {
        team_done(team);
    }
    return rc;
}

/* What the engine of this thread has open it keeps; the others share what is left evenly. */
static int start_teams(struct connect_pool *pool)
{
    uint32_t keeps = pool->sockets / (pool->wanted + 1);
    uint32_t room;
    int rc = 0;

    keeps = pool->most_busy > keeps ? pool->most_busy : keeps;
    room = (pool->sockets - keeps) / pool->wanted;
    if (room < SOCKETS_LEAST / 2) {
        return -EMFILE;
    }
    pool->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->done_fd < 0) {
        return -errno;
    }
    rc = connect_wake_on(pool->engine, pool->done_fd);
    while (rc == 0 && pool->team_count < pool->wanted) {
        rc = team_init(pool, room, &pool->teams[pool->team_count]);
        pool->team_count += rc == 0 ? 1 : 0;
    }
    pool->room = pool->sockets - pool->team_count * room;
    return rc;
}

/* A scan that never has much to do never has a second thread. */
static void end_round(struct connect_pool *pool)
{
    bool busy = pool->sends >= BUSY_SENDS;

    pool->sends = 0;
    pool->busy_rounds = busy ? pool->busy_rounds + 1 : 0;
    if (pool->wanted > 0 && pool->team_count == 0 && pool->busy_rounds >= BUSY_ROUNDS) {
        int rc = start_teams(pool);
        if (rc < 0) {
            pool->options.listener.short_of_threads(pool->options.listener.context, pool->wanted + 1,
                                                    pool->team_count + 1, -rc);
        }
        pool->wanted = pool->team_count;
    }
    pool->shares = busy && pool->team_count > 0;
}

static void publish(struct connect_pool *pool)
{
    for (uint32_t i = 0; i < pool->team_count; i++) {
        if (pool->teams[i].unpublished > 0) {
            pool->teams[i].unpublished = 0;
            connect_worker_publish(pool->teams[i].worker);
        }
    }
}

static uint32_t take_place(struct team *team)
{
    uint32_t number = team->free_head;

    if (number != NOWHERE) {
        team->free_head = team->places[number].next;
        return number;
    }
    return team->fresh < team->place_count ? team->fresh++ : NOWHERE;
}

static void give_place_back(struct team *team, uint32_t number)
{
    struct place *place = &team->places[number];

    place->next = team->free_head;
    team->free_head = number;
    place->held = false;
    place->cancelled = false;
}

static uint32_t handle_of(const struct connect_pool *pool, uint32_t team, uint32_t place)
{
    return pool->sockets + place * pool->team_count + team;
}

struct errand {
    uint32_t probe;
    const struct addr *addr;
    uint16_t port;
};

static bool hand(struct connect_pool *pool, uint32_t index, const struct errand *errand, uint32_t *ret_handle)
{
    struct team *team = &pool->teams[index];
    uint32_t number = team->busy < team->room ? take_place(team) : NOWHERE;

    if (number == NOWHERE) {
        return false;
    }
    team->places[number] = (struct place){.probe = errand->probe, .held = true};
    team->busy++;
    team->allowance -= team->allowance > 0 ? 1 : 0;
    connect_worker_hand(team->worker, number, errand->addr, errand->port);
    if (++team->unpublished == PUBLISHED_AT_ONCE) {
        team->unpublished = 0;
        connect_worker_publish(team->worker);
    }
    *ret_handle = handle_of(pool, index, number);
    return true;
}

/* To one of the workers: to any that has room, or only where little is waiting. */
static bool hand_to_any(struct connect_pool *pool, bool pressing, const struct errand *errand, uint32_t *ret_handle)
{
    for (uint32_t i = 0; i < pool->team_count; i++) {
        if ((pressing || pool->teams[i].allowance > 0) && hand(pool, i, errand, ret_handle)) {
            return true;
        }
    }
    return false;
}

/* The workers come first: what they have not begun waits for them while this thread is at a send of its own. */
static int pool_send(void *context, uint32_t probe, const struct addr *addr, uint16_t port, uint32_t *ret_handle)
{
    struct connect_pool *pool = context;
    struct errand errand = {.probe = probe, .addr = addr, .port = port};
    int rc;

    pool->sends++;
    if (pool->shares && hand_to_any(pool, false, &errand, ret_handle)) {
        return 0;
    }
    if (pool->busy >= pool->room) {
        return hand_to_any(pool, true, &errand, ret_handle) ? 0 : -EAGAIN;
    }
    publish(pool);
    rc = connect_ops()->send(pool->engine, probe, addr, port, ret_handle);
    if (rc == 0) {
        pool->busy++;
        pool->most_busy = pool->busy > pool->most_busy ? pool->busy : pool->most_busy;
    }
    return rc;
}

static struct place *find_place(struct connect_pool *pool, uint32_t handle, struct team **ret_team)
{
    *ret_team = &pool->teams[(handle - pool->sockets) % pool->team_count];
    return &(*ret_team)->places[(handle - pool->sockets) / pool->team_count];
}

static void pool_cancel(void *context, uint32_t handle)
{
    struct connect_pool *pool = context;
    struct place *place;
    struct team *team;

    if (handle < pool->sockets) {
        connect_ops()->cancel(pool->engine, handle);
        pool->busy--;
        return;
    }
    place = find_place(pool, handle, &team);
    if (!place->held) {
        /* The guard refused it. */
        give_place_back(team, (uint32_t)(place - team->places));
        return;
    }
    place->cancelled = true;
    team->busy--;
    team->unpublished++;
    connect_worker_cancel(team->worker, (uint32_t)(place - team->places));
}

static bool pool_is_waiting(void *context, uint32_t handle)
{
    struct connect_pool *pool = context;
    struct place *place;
    struct team *team;

    if (handle < pool->sockets) {
        return false;
    }
    place = find_place(pool, handle, &team);
    return place->held && !connect_worker_has_begun(team->worker, (uint32_t)(place - team->places));
}

static uint32_t pool_capacity(void *context)
{
    const struct connect_pool *pool = context;

    return pool->sockets;
}

const struct probe_engine_ops *connect_pool_ops(void)
{
    static const struct probe_engine_ops ops = {
        .send = pool_send,
        .cancel = pool_cancel,
        .capacity = pool_capacity,
        .tells_tries_apart = true,
        .is_waiting = pool_is_waiting,
    };

    return &ops;
}

/* An answer of this thread's engine. */
static void on_answer(void *context, const struct connect_answer *answer)
{
    struct connect_pool *pool = context;

    pool->busy--;
    pool->options.listener.answered(pool->options.listener.context, answer);
}

static void take_result(struct connect_pool *pool, struct team *team, struct connect_result *result)
{
    const struct connect_listener *listener = &pool->options.listener;
    struct place place = team->places[result->slot];

    if (place.cancelled) {
        give_place_back(team, result->slot);
        return;
    }
    team->busy--;
    if (result->outcome == CONNECT_REFUSED) {
        /* Its place stays taken until it is cancelled. */
        team->places[result->slot].held = false;
        pool->refused += result->error == EPERM || result->error == EACCES ? 1 : 0;
        pool->failed = -result->error;
        return;
    }
    give_place_back(team, result->slot);
    if (result->outcome == CONNECT_ANSWERED) {
        result->answer.probe = place.probe;
        result->answer.at = pool->now;
        listener->answered(listener->context, &result->answer);
    } else {
        assert(result->outcome == CONNECT_NOT_SENT);
        say_exhausted(pool, result->error);
        listener->not_sent(listener->context, place.probe);
    }
}

/* How many there were. */
static uint32_t take_results(struct connect_pool *pool)
{
    struct connect_result result;
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->team_count; i++) {
        struct team *team = &pool->teams[i];
        while (connect_worker_take(team->worker, &result)) {
            pool->now = count++ == 0 ? mono_now() : pool->now;
            take_result(pool, team, &result);
        }
        pool->failed = pool->failed == 0 ? connect_worker_error(team->worker) : pool->failed;
    }
    return count;
}

/* True when every worker knows that this thread is about to sleep, and none has anything for it. */
static bool doze(struct connect_pool *pool)
{
    for (uint32_t i = 0; i < pool->team_count; i++) {
        if (!connect_worker_doze(pool->teams[i].worker)) {
            return false;
        }
    }
    return true;
}

static void rouse(struct connect_pool *pool)
{
    uint64_t count;

    for (uint32_t i = 0; i < pool->team_count; i++) {
        connect_worker_rouse(pool->teams[i].worker);
    }
    if (read(pool->done_fd, &count, sizeof(count)) < 0) {
        assert(errno == EAGAIN);
    }
}

static int poll_all(struct connect_pool *pool, struct mono_time until)
{
    static const struct mono_time at_once = {0};
    uint32_t taken;
    int rc;

    publish(pool);
    taken = take_results(pool);
    if (taken > 0 || pool->failed != 0 || until.ns == 0) {
        rc = connect_poll(pool->engine, at_once, on_answer, pool);
    } else {
        bool sleeps = doze(pool);
        rc = connect_poll(pool->engine, sleeps ? until : at_once, on_answer, pool);
        rouse(pool);
    }
    take_results(pool);
    for (uint32_t i = 0; i < pool->team_count; i++) {
        uint32_t waiting = connect_worker_waiting(pool->teams[i].worker);
        pool->teams[i].allowance = waiting < AHEAD ? AHEAD - waiting : 0;
    }
    return rc;
}

int connect_pool_poll(struct connect_pool *pool, struct mono_time until)
{
    int rc;

    end_round(pool);
    rc = pool->team_count == 0 ? connect_poll(pool->engine, until, on_answer, pool) : poll_all(pool, until);
    return pool->failed != 0 ? pool->failed : rc;
}
