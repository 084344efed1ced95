/* Routes and next hops that change while a slab is under way. */
#include "scanner/raw/engine_inner.h"

#include <errno.h>
#include <string.h>

enum {
    /* How often in a slab a link may be found down. */
    DOWNS_MOST = 8,
    SILENT_AT_ONCE = 256,
};

/* Reading large tables takes long, and those of a router change all the time: at most a tenth of the time goes there.
 */
static const uint64_t ROUTES_REST = 9;
/* How often it is looked whether next hops are where they were, and how long who had answered is silent before it is
 * asked. */
static const uint64_t WATCH_EVERY_NS = UINT64_C(100) * 1000 * 1000;
static const uint64_t SILENT_MS = 1000;

static int find_new_ways(struct raw_engine *engine, struct problem *problem)
{
    bool stopping = engine->stopping;

    engine_rest(engine);
    paths_forget_ahead(engine->paths);
    engine->stopping = stopping;
    engine->rerouting = true;
    atomic_store(&engine->failure, 0);
    return engine_find_ways(engine, problem);
}

int engine_heed_routes(struct raw_engine *engine, struct problem *problem)
{
    struct mono_time begun = mono_now();
    struct mono_time ended;
    bool changed;

    if (engine->router == NULL || begun.ns < engine->routes_due.ns || !router_changed(engine->router)) {
        return 0;
    }
    changed = paths_changed(engine->paths);
    ended = mono_now();
    engine->routes_due = mono_add_ns(ended, ROUTES_REST * mono_elapsed_ns(begun, ended));
    if (!changed) {
        return 0;
    }
    engine->options.listener.rerouted(engine->options.listener.context);
    return find_new_ways(engine, problem);
}

static bool has_all(const struct raw_engine *engine)
{
    return engine->phase == WAITING ? patience_is_done(engine->patience) : volley_is_complete(engine->volley);
}

/* A slab may take minutes: they are not to be spent on who is not there any more. */
static int doubt_silent(struct raw_engine *engine)
{
    uint64_t now_ms = engine->now.ns / 1000000;
    uint32_t hosts = engine->slab.map.hosts;
    uint32_t found = 0;
    int rc = 0;

    if (engine->phase == DISCOVERING || engine->now.ns < engine->silent_due.ns) {
        return 0;
    }
    engine->silent_due = mono_add_ns(engine->now, SILENT_MS * 1000000);
    for (uint32_t i = 0; rc == 0 && i < hosts && found < SILENT_AT_ONCE; i++) {
        uint32_t host = engine->silent_turn++ % hosts;
        const struct slab_host *facts = slab_host(engine->slab.slab, host);
        bool is_asked = !facts->done || engine->patients[host];
        if (is_asked && facts->heard && now_ms > facts->last_answer_ms + SILENT_MS &&
            paths_may_move(engine->paths, host)) {
            rc = paths_doubt(engine->paths, host);
            found++;
        }
    }
    return rc;
}

static int doubt_undiscovered(struct raw_engine *engine)
{
    struct slab *asked = discovery_slab(engine->discovery);
    int rc = 0;

    for (uint32_t host = 0; rc == 0 && host < engine->slab.map.hosts; host++) {
        if (slab_host(asked, host)->first_probe < slab_host(asked, host + 1)->first_probe &&
            !slab_host(asked, host)->heard) {
            rc = paths_doubt(engine->paths, host);
        }
    }
    return rc;
}

static int doubt_held(struct raw_engine *engine)
{
    int rc = 0;

    for (uint32_t host = 0; rc == 0 && engine->held_count > 0 && host < engine->slab.map.hosts; host++) {
        if (engine->held[host] != NOT_HELD) {
            rc = paths_doubt(engine->paths, host);
            engine->held[host] = HELD_ASKED;
        }
    }
    return rc;
}

static void release_held(struct raw_engine *engine)
{
    for (uint32_t host = 0; engine->held_count > 0 && host < engine->slab.map.hosts; host++) {
        if (engine->held[host] == HELD_ASKED) {
            engine->held[host] = NOT_HELD;
            engine->held_count--;
            engine_host_done(engine, host);
        }
    }
}

static int begin_doubt(struct raw_engine *engine, struct problem *problem)
{
    bool discovered = engine->phase == DISCOVERING && has_all(engine);
    int rc;

    /* What came before the question is no answer to it. */
    links_hear(engine->links, engine_take_frame, engine);
    rc = engine->moves < MOVES_MOST ? paths_doubt_heard(engine->paths) : 0;
    if (rc == 0 && engine->moves < MOVES_MOST) {
        rc = discovered ? doubt_undiscovered(engine) : doubt_silent(engine);
    }
    if (rc == 0) {
        rc = doubt_held(engine);
    }
    engine->discovery_doubted = discovered;
    if (rc == 0 && !paths_is_doubting(engine->paths)) {
        engine->discovery_sure = discovered;
        release_held(engine);
    }
    engine->watch_due = mono_add_ns(engine->now, WATCH_EVERY_NS);
    return rc < 0 ? problem_set(problem, rc, "out of memory") : 0;
}

/* The slab goes on from where it is, but what went to where nobody was. */
static int go_after(struct raw_engine *engine, struct problem *problem)
{
    engine->moves++;
    engine_rest(engine);
    for (uint32_t host = 0; host < engine->slab.map.hosts; host++) {
        struct slab_host *facts = slab_host(engine->slab.slab, host);
        if (!facts->done && paths_has_moved(engine->paths, host)) {
            slab_forget_silence(engine->slab.slab, host);
            facts->ceiling = 0;
        }
    }
    paths_end_doubt(engine->paths);
    return engine_begin_discovering(engine, problem);
}

static int end_doubt(struct raw_engine *engine, struct problem *problem)
{
    for (uint32_t host = 0; host < engine->slab.map.hosts; host++) {
        if (paths_has_moved(engine->paths, host)) {
            return go_after(engine, problem);
        }
    }
    paths_end_doubt(engine->paths);
    release_held(engine);
    engine->discovery_sure = engine->phase == DISCOVERING && engine->discovery_doubted;
    return 0;
}

/* What an ear has heard wakes nobody. */
int engine_watch_hops(struct raw_engine *engine, struct mono_time *due, struct problem *problem)
{
    bool waited_for = has_all(engine) && (engine->held_count > 0 || engine->phase == DISCOVERING);
    struct mono_time next = mono_add_ns(engine->now, HEAR_EVERY_NS);
    int rc = 0;

    if (paths_is_doubting(engine->paths)) {
        links_hear(engine->links, engine_take_frame, engine);
        if (paths_doubt_is_over(engine->paths, engine->now)) {
            rc = end_doubt(engine, problem);
            next = engine->now;
        }
    } else if (waited_for || engine->now.ns >= engine->watch_due.ns) {
        rc = begin_doubt(engine, problem);
        next = paths_is_doubting(engine->paths) || waited_for ? engine->now : engine->watch_due;
    } else {
        next = engine->watch_due;
    }
    *due = next.ns < due->ns ? next : *due;
    return rc;
}

/* Hosts without a way are told while ways are looked for; the slab's other hosts must not be taken for silent either.
 */
int engine_heed_lost(struct raw_engine *engine, struct problem *problem)
{
    char text[ADDR_TEXT_SIZE];

    if (engine->lost_error == 0) {
        return 0;
    }
    return problem_set(problem, -engine->lost_error,
                       "%s: there is no way there any more (%s): when there is, --resume goes on",
                       addr_format(&engine->lost_host, text), strerror(engine->lost_error));
}

/* A link that went down: there may be another way by now, or the link may be up again. */
int engine_heed_down(struct raw_engine *engine, int rc, struct problem *problem)
{
    if (rc != -ENETDOWN || engine->router == NULL || engine->downs == DOWNS_MOST) {
        return rc;
    }
    engine->downs++;
    (void)router_changed(engine->router);
    rc = find_new_ways(engine, problem);
    return rc == 0 ? engine_heed_lost(engine, problem) : rc;
}
