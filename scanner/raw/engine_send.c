/* Probes become packets here, in senders and out of turn. */
#include "scanner/raw/discovery.h"
#include "scanner/raw/engine_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a link may take nothing. */
static const uint64_t REFUSED_MOST_NS = UINT64_C(30) * 1000 * 1000 * 1000;

/* One sender's frames, and to which link each goes. */
struct batch {
    struct volley_shot shots[VOLLEY_BATCH];
    struct iovec parts[VOLLEY_BATCH];
    struct paths_frame frames[VOLLEY_BATCH];
    uint8_t bytes[VOLLEY_BATCH][TEMPLATE_FRAME_MAX];
    struct refusal {
        struct mono_time since; /* 0: the link takes what it is given */
        struct mono_time latest;
    } refusals[LINKS_MAX];
};

void engine_fail_sender(struct raw_engine *engine, int rc, uint32_t link)
{
    int none = 0;

    engine->failed_link = link;
    atomic_compare_exchange_strong(&engine->failure, &none, rc);
    engine->halted = true;
}

/* The single place where probes become packets: nothing outside the scope, and nothing on the never-scan list, gets
 * past it. A frame for an unreachable host is empty. */
int engine_make_frame(const struct raw_engine *engine, const struct volley_shot *shot, struct mono_time now,
                      struct paths_frame *frame)
{
    const struct raw_engine_map *map = &engine->slab.map;
    struct template_target target = {.clock_ms = (uint32_t)(now.ns / 1000000), .try_number = shot->try_number};
    enum packet_probe probe = engine->options.probe;
    struct addr addr;
    uint32_t host;
    int rc;

    if (engine->phase == DISCOVERING) {
        struct discovery_question question = discovery_question(engine->discovery, shot->probe);
        host = question.host;
        probe = question.probe;
        target.port = question.port;
        map->host(map->context, host, &addr);
    } else {
        map->locate(map->context, shot->probe, &host, &addr, &target.port);
    }
    rc = scope_permits(engine->options.scope, &addr, NULL);
    if (rc < 0) {
        return rc;
    }
    target.destination = addr.bytes;
    paths_frame(engine->paths, host, probe, &target, frame);
    return 0;
}

static int fill(struct raw_engine *engine, struct batch *batch, uint32_t count, struct mono_time now)
{
    for (uint32_t i = 0; i < count; i++) {
        int rc = engine_make_frame(engine, &batch->shots[i], now, &batch->frames[i]);
        if (rc < 0) {
            return rc;
        }
        batch->parts[i].iov_len = batch->frames[i].length;
    }
    return 0;
}

static struct batch *batch_create(void)
{
    struct batch *batch = calloc(1, sizeof(*batch));

    for (uint32_t i = 0; batch != NULL && i < VOLLEY_BATCH; i++) {
        batch->frames[i].bytes = batch->bytes[i];
        batch->parts[i].iov_base = batch->bytes[i];
    }
    return batch;
}

/* How many from `first` on go to the same link, frames without bytes being a run of their own. */
static uint32_t run_of(const struct batch *batch, uint32_t first, uint32_t count)
{
    uint32_t end = first + 1;

    while (end < count && batch->frames[end].link == batch->frames[first].link &&
           (batch->parts[end].iov_len == 0) == (batch->parts[first].iov_len == 0)) {
        end++;
    }
    return end - first;
}

/* Room comes back by itself, and soon; a cable that is out, or a queue that lets nothing through, looks the same. */
static int heed_refusal(struct batch *batch, uint32_t link, int sent, struct mono_time now)
{
    struct refusal *refusal = &batch->refusals[link];

    if (sent > 0) {
        refusal->since = (struct mono_time){0};
        return sent;
    }
    /* Between two rounds nothing was tried. */
    if (refusal->since.ns == 0 || mono_elapsed_ns(refusal->latest, now) > REFUSED_MOST_NS / 3) {
        refusal->since = now;
    }
    refusal->latest = now;
    return mono_elapsed_ns(refusal->since, now) > REFUSED_MOST_NS ? -ENOBUFS : 0;
}

static int send_batch(struct raw_engine *engine, uint32_t sender, struct batch *batch, uint32_t count)
{
    uint32_t done = 0;

    while (done < count) {
        uint32_t run = run_of(batch, done, count);
        bool empty = batch->parts[done].iov_len == 0;
        int sent =
            empty ? (int)run : links_send(engine->links, batch->frames[done].link, sender, &batch->parts[done], run);
        struct mono_time now = mono_now();
        sent = sent < 0 || empty ? sent : heed_refusal(batch, batch->frames[done].link, sent, now);
        if (sent < 0) {
            volley_put_back(engine->volley, sender, now, &batch->shots[done], count - done);
            engine_fail_sender(engine, sent, batch->frames[done].link);
            return sent;
        }
        if (sent > 0) {
            volley_sent(engine->volley, sender, now, &batch->shots[done], (uint32_t)sent);
        }
        done += (uint32_t)sent;
        if ((uint32_t)sent < run) {
            volley_put_back(engine->volley, sender, now, &batch->shots[done], count - done);
            break;
        }
    }
    return 0;
}

static void sleep_until(struct mono_time until)
{
    struct timespec time = {.tv_sec = (time_t)(until.ns / 1000000000), .tv_nsec = (long)(until.ns % 1000000000)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

void engine_send(void *context, uint32_t number)
{
    struct raw_engine *engine = context;
    struct batch *batch = batch_create();
    int rc = batch == NULL ? -ENOMEM : 0;

    while (rc == 0 && !atomic_load_explicit(&engine->halted, memory_order_relaxed)) {
        struct mono_time now = mono_now();
        uint32_t count = volley_draw(engine->volley, number, now, batch->shots, VOLLEY_BATCH);
        if (count == 0) {
            sleep_until(volley_sender_wakeup(engine->volley, number, now));
            continue;
        }
        rc = fill(engine, batch, count, now);
        if (rc < 0) {
            volley_put_back(engine->volley, number, now, batch->shots, count);
            break;
        }
        rc = send_batch(engine, number, batch, count);
    }
    if (rc < 0) {
        engine_fail_sender(engine, rc, 0);
    }
    free(batch);
}

int engine_sender_failure(struct raw_engine *engine, struct problem *problem)
{
    int rc = engine->failure;
    const char *interface = links_interface(engine->links, engine->failed_link);

    if (rc == 0) {
        return 0;
    }
    if (rc == -EPERM || rc == -EACCES) {
        return problem_set(problem, rc,
                           "the guard refused a probe that the plan should not have held; nothing was sent");
    }
    if (rc == -ENOBUFS) {
        return problem_set(problem, rc,
                           "%s: it has taken no packet for %d s (%s): its cable may be out, or its queue held; when it "
                           "sends again, --resume goes on",
                           interface, (int)(REFUSED_MOST_NS / 1000000000), strerror(-rc));
    }
    return problem_set(problem, rc, "%s: sending: %s%s", interface, strerror(-rc),
                       rc == -ENETDOWN ? ": when it is up again, --resume goes on" : "");
}
