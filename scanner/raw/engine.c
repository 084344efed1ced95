#include "scanner/raw/engine.h"

#include "scanner/raw/engine_inner.h"

#include <assert.h>
#include <string.h>

enum {
    PATIENTLY_AT_ONCE = 128,
    /* Hosts that are told of in one step: the reader is not kept from its ring for longer than that. */
    TOLD_AT_ONCE = 32,
    /* As many frames in one step are a flood: what comes next is left to gather for longer. */
    FLOOD_FRAMES = 256,
};

/* The smallest rings hold what comes in twenty times as long. */
static const uint64_t NAP_NS = UINT64_C(1) * 1000 * 1000;
/* While less comes: who is woken by each frame has no time for anything else. */
static const uint64_t NAP_SOME_NS = UINT64_C(250) * 1000;
static const uint64_t AHEAD_EVERY_NS = UINT64_C(1) * 1000 * 1000;

/* Since this process stood still, as long as it may be caught up with: nobody's silence is judged meanwhile. */
static bool is_behind(const struct raw_engine *engine)
{
    return engine->frames >= TAKE_AT_ONCE &&
           mono_elapsed_ns(engine->heard, engine->now) < (uint64_t)VOLLEY_UNHEARD_MS * 1000000;
}

/* From the reader's own sender, one by one: these are few. One that finds no room is lost, and asked again. */
static int ask_patiently(struct raw_engine *engine, struct problem *problem)
{
    uint8_t bytes[TEMPLATE_FRAME_MAX];
    struct patience_shot shot;

    for (int i = 0; i < PATIENTLY_AT_ONCE && patience_next(engine->patience, engine->now, &shot); i++) {
        struct volley_shot probe = {.probe = shot.probe, .try_number = shot.try_number};
        struct iovec part = {.iov_base = bytes};
        struct paths_frame frame = {.bytes = bytes};
        int rc = engine_make_frame(engine, &probe, engine->now, &frame);
        if (rc == 0 && frame.length > 0) {
            part.iov_len = frame.length;
            rc = links_send(engine->links, frame.link, engine->options.senders, &part, 1);
        }
        if (rc < 0) {
            engine_fail_sender(engine, rc, frame.link);
            return engine_sender_failure(engine, problem);
        }
    }
    slab_totals(engine->slab.slab)->sent = engine->patience_sent + patience_sent(engine->patience);
    return 0;
}

static int wait_on(struct raw_engine *engine, struct mono_time *ret_due, struct problem *problem)
{
    int rc = ask_patiently(engine, problem);

    engine_tell_hosts(engine, TOLD_AT_ONCE);
    *ret_due = engine->done_told < engine->done_count ? engine->now : patience_wakeup(engine->patience);
    return rc;
}

/* What an ear has heard wakes nobody. */
static struct mono_time asking_due(const struct raw_engine *engine)
{
    struct mono_time due = paths_wakeup(engine->paths, engine->now);
    struct mono_time latest = mono_add_ns(engine->now, HEAR_EVERY_NS);

    return due.ns < latest.ns ? due : latest;
}

/* What the phase wants done now; *ret_due: when it wants to be asked again. */
static int go_on(struct raw_engine *engine, struct mono_time *ret_due, struct problem *problem)
{
    int rc = 0;

    if (engine->phase == ASKING && is_behind(engine)) {
        *ret_due = engine->now;
        return 0;
    }
    if (engine->phase == ASKING) {
        links_hear(engine->links, engine_take_frame, engine);
        rc = paths_ask(engine->paths, engine->now, problem);
        *ret_due = asking_due(engine);
        if (rc == 0 && paths_settle(engine->paths, engine->now)) {
            rc = engine_begin_discovering(engine, problem);
            *ret_due = engine->now;
        }
        return rc;
    }
    if (engine->phase == WAITING) {
        return wait_on(engine, ret_due, problem);
    }
    volley_tick(engine->volley, engine->now);
    if (engine->phase == DISCOVERING) {
        engine_count_discovery(engine);
    }
    engine_tell_hosts(engine, TOLD_AT_ONCE);
    *ret_due = engine->done_told < engine->done_count ? engine->now : volley_wakeup(engine->volley);
    rc = engine_sender_failure(engine, problem);
    if (rc == 0 && engine->phase == DISCOVERING && volley_is_complete(engine->volley) && engine->discovery_sure &&
        !engine->stopping) {
        rc = engine_end_discovering(engine, problem);
        *ret_due = engine->now;
    } else if (rc == 0 && volley_is_complete(engine->volley) && engine->patient_count > 0 && !engine->stopping) {
        rc = engine_begin_waiting(engine, problem);
        *ret_due = engine->now;
    }
    return rc;
}

/* For the slabs that come next. Several questions at a time, so that the reader is not woken for each. */
static int ask_ahead(struct raw_engine *engine, struct mono_time *due, struct problem *problem)
{
    int rc = paths_ask(engine->paths, engine->now, problem);
    struct mono_time next = paths_wakeup(engine->paths, engine->now);
    struct mono_time least = mono_add_ns(engine->now, AHEAD_EVERY_NS);

    next = next.ns > least.ns ? next : least;
    *due = next.ns < due->ns ? next : *due;
    return rc;
}

static void rest_until(const struct raw_engine *engine, struct mono_time until, const int fds[2])
{
    struct mono_time nap = mono_add_ns(engine->now, engine->frames >= FLOOD_FRAMES ? NAP_NS : NAP_SOME_NS);

    if (engine->frames > 0) {
        links_nap(nap.ns < until.ns ? nap : until, fds, 2);
    } else {
        links_wait(engine->links, until, fds, 2);
    }
}

int raw_engine_step(struct raw_engine *engine, struct mono_time until, int wake_fd, struct problem *problem)
{
    int fds[2] = {wake_fd, -1};
    struct mono_time due = until;
    int rc;

    assert(engine->phase != IDLE);
    engine->now = mono_now();
    engine->frames = 0;
    rc = engine_hear(engine, problem);
    if (rc == 0) {
        engine_hear_losses(engine);
        engine_hear_allowance(engine);
        rc = engine_heed_routes(engine, problem);
    }
    if (rc == 0) {
        rc = go_on(engine, &due, problem);
    }
    if (rc == 0 && engine->phase != ASKING && engine->router != NULL && !engine->stopping && !is_behind(engine)) {
        rc = engine_watch_hops(engine, &due, problem);
    }
    if (rc == 0 && engine->phase != ASKING && !is_behind(engine)) {
        rc = ask_ahead(engine, &due, problem);
    }
    rc = rc == 0 ? engine_heed_lost(engine, problem) : engine_heed_down(engine, rc, problem);
    if (rc < 0) {
        engine_tell_hosts(engine, UINT32_MAX); /* nobody may be told of them after the scan's last line */
    }
    if (engine->now.ns < engine->routes_due.ns) {
        due = engine->routes_due.ns < due.ns ? engine->routes_due : due;
    } else if (engine->router != NULL) {
        fds[1] = router_descriptor(engine->router);
    }
    if (rc == 0 && due.ns > engine->now.ns && !raw_engine_is_done(engine)) {
        rest_until(engine, due.ns < until.ns ? due : until, fds);
    }
    return rc;
}

struct raw_engine_figures raw_engine_figures(const struct raw_engine *engine)
{
    struct raw_engine_figures figures = {.rate = rate_figures(engine->rate),
                                         .receive_drops = engine->losses.receive_drops,
                                         .send_refusals = engine->losses.send_refusals,
                                         .allowance_exceeded = engine->allowance_exceeded,
                                         .allowance_name = engine->allowance_name,
                                         .unsendable = engine->losses.unsendable,
                                         .unsendable_errno = engine->losses.unsendable_errno,
                                         .stranger = engine->stranger,
                                         .foreign = engine->foreign,
                                         .late = engine->late};

    memcpy(figures.refused, engine->refused, sizeof(figures.refused));
    return figures;
}
