/* A slab from its beginning to its end: discovery, probes, patience, and hosts that are done. */
#include "scanner/raw/engine_inner.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* Whoever is on link, was never heard and has fewer probes costs less than to be asked for once more. */
enum { HELD_LEAST = 8 };

/* A line for a host costs more than many answers: it waits until the ring is empty. */
void engine_host_done(struct raw_engine *engine, uint32_t host)
{
    assert(engine->done_count < engine->slab.map.hosts);
    engine->done_hosts[engine->done_count++] = host;
}

/* Whether its silence may be that of a next hop that has moved. */
static bool is_doubtful(const struct raw_engine *engine, uint32_t host)
{
    struct slab *slab = engine->slab.slab;
    const struct slab_host *facts = slab_host(slab, host);
    uint32_t probes = slab_host(slab, host + 1)->first_probe - facts->first_probe;

    return facts->counts[PROBE_NONE] > 0 && engine->moves < MOVES_MOST && paths_may_move(engine->paths, host) &&
           (probes >= HELD_LEAST || facts->heard || !paths_is_near(engine->paths, host));
}

static void host_asked(struct raw_engine *engine, uint32_t host)
{
    if (is_doubtful(engine, host)) {
        engine->held[host] = HELD;
        engine->held_count++;
    } else {
        engine_host_done(engine, host);
    }
}

/* The volley is done with the host; what it may still have to say is heard with patience. */
static void hear_host_done(void *context, uint32_t host)
{
    struct raw_engine *engine = context;

    if (engine->options.probe != PACKET_UDP || engine->slab.retries == 0 || !patience_suits(engine->slab.slab, host)) {
        host_asked(engine, host);
        return;
    }
    engine->patients[host] = true;
    engine->patient_count++;
    engine->patience_left += slab_host(engine->slab.slab, host)->counts[PROBE_NONE];
}

static void hear_patient_done(void *context, uint32_t host)
{
    struct raw_engine *engine = context;

    engine->patients[host] = false;
    engine->patient_count--;
    host_asked(engine, host);
}

static void hear_found_open(void *context, const struct sweep_found *found)
{
    const struct raw_engine *engine = context;

    engine->slab.listener.found_open(engine->slab.listener.context, found);
}

static void hear_host_eased(void *context, uint32_t host)
{
    const struct raw_engine *engine = context;

    engine->slab.listener.host_eased(engine->slab.listener.context, host);
}

void engine_tell_hosts(struct raw_engine *engine, uint32_t most)
{
    for (uint32_t i = 0; i < most && engine->done_told < engine->done_count; i++) {
        engine->slab.listener.host_done(engine->slab.listener.context, engine->done_hosts[engine->done_told++]);
    }
}

static bool is_done_host(void *of, uint32_t host)
{
    return slab_host(of, host)->done;
}

int engine_find_ways(struct raw_engine *engine, struct problem *problem)
{
    struct paths_hosts hosts = {.count = engine->slab.map.hosts,
                                .host = engine->slab.map.host,
                                .context = engine->slab.map.context,
                                .skipped = is_done_host,
                                .of = engine->slab.slab};
    int rc = paths_resolve(engine->paths, &hosts, problem);

    engine->phase = rc == 0 ? ASKING : IDLE;
    return rc;
}

int raw_engine_begin(struct raw_engine *engine, const struct raw_engine_slab *slab, struct problem *problem)
{
    assert(engine->phase == IDLE);
    engine->slab = *slab;
    engine->stopping = false;
    engine->rerouting = false;
    engine->downs = 0;
    engine->lost_error = 0;
    engine->done_count = 0;
    engine->done_told = 0;
    engine->discovery_sent = 0;
    engine->patient_count = 0;
    engine->patience_left = 0;
    engine->held_count = 0;
    engine->moves = 0;
    engine->done_hosts = calloc((size_t)slab->map.hosts + 1, sizeof(*engine->done_hosts));
    engine->patients = calloc((size_t)slab->map.hosts + 1, sizeof(*engine->patients));
    engine->held = calloc((size_t)slab->map.hosts + 1, sizeof(*engine->held));
    if (engine->done_hosts == NULL || engine->patients == NULL || engine->held == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    if (engine->options.probe == PACKET_UDP) {
        slab_expect_limits(slab->slab);
    }
    return engine_find_ways(engine, problem);
}

static int begin_volley(struct raw_engine *engine, struct volley_options *options, enum phase phase,
                        struct problem *problem)
{
    options->retries = engine->slab.retries;
    options->senders = crew_count(engine->crew);
    options->rate = engine->rate;
    options->host_rate = engine->slab.host_rate;
    if (volley_create(options, mono_now(), &engine->volley) < 0) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    if (engine->stopping) {
        volley_stop(engine->volley);
    }
    engine->halted = false;
    engine->phase = phase;
    crew_start(engine->crew, engine_send, engine);
    return 0;
}

static int begin_probing(struct raw_engine *engine, struct problem *problem)
{
    struct volley_options options = {.slab = engine->slab.slab,
                                     .order = engine->slab.order,
                                     .shard_index = engine->slab.shard_index,
                                     .shard_count = engine->slab.shard_count,
                                     .asked_before = engine->discovery_sent,
                                     .listener = {hear_found_open, hear_host_done, hear_host_eased, engine}};

    return begin_volley(engine, &options, PROBING, problem);
}

static void end_volley(struct raw_engine *engine)
{
    engine->halted = true;
    crew_rest(engine->crew);
    volley_suspend(engine->volley);
    volley_destroy(engine->volley);
    engine->volley = NULL;
}

/* Who is near has been heard of, and who was heard before is there; who gets few probes is asked these at once. */
static bool asks_host(const void *context, uint32_t host)
{
    const struct raw_engine *engine = context;
    const struct raw_engine_slab *slab = &engine->slab;
    const struct slab_host *facts = slab_host(slab->slab, host);
    uint32_t probes = slab_host(slab->slab, host + 1)->first_probe - facts->first_probe;

    return !facts->done && !facts->heard && probes / slab->shard_count >= DISCOVERY_LEAST &&
           !paths_is_near(engine->paths, host) && !slab->map.is_known(slab->map.context, host);
}

static uint16_t host_port(const void *context, uint32_t host, uint32_t turn)
{
    const struct raw_engine *engine = context;
    const struct raw_engine_map *map = &engine->slab.map;
    uint32_t first = slab_host(engine->slab.slab, host)->first_probe;
    uint32_t count = slab_host(engine->slab.slab, host + 1)->first_probe - first;
    struct addr addr;
    uint16_t port;

    map->locate(map->context, first + (count / 2 + turn) % count, &host, &addr, &port);
    return port;
}

static void ignore_open(void *context, const struct sweep_found *found)
{
    (void)context;
    (void)found;
}

static void ignore_host(void *context, uint32_t host)
{
    (void)context;
    (void)host;
}

/* Hosts first, then their ports: none of this when there is nobody to ask. */
int engine_begin_discovering(struct raw_engine *engine, struct problem *problem)
{
    struct discovery_options options = {.hosts = engine->slab.map.hosts,
                                        .probe = engine->options.probe,
                                        .asks = asks_host,
                                        .port = host_port,
                                        .context = engine};
    struct volley_options volley = {
        .shard_count = 1, .kinds = DISCOVERY_KINDS, .listener = {ignore_open, ignore_host, ignore_host, engine}};

    if (!engine->options.discovers || engine_is_replay(engine) || engine->slab.map.is_known == NULL) {
        return begin_probing(engine, problem);
    }
    randombytes_buf(options.seed, sizeof(options.seed));
    engine->discovery_sure = false;
    engine->discovery = discovery_create(&options);
    if (engine->discovery == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    if (discovery_asked(engine->discovery) == 0) {
        discovery_destroy(engine->discovery);
        engine->discovery = NULL;
        return begin_probing(engine, problem);
    }
    volley.slab = discovery_slab(engine->discovery);
    volley.order = discovery_order(engine->discovery);
    return begin_volley(engine, &volley, DISCOVERING, problem);
}

static void note_discovered(struct raw_engine *engine, uint32_t host)
{
    struct slab_host *asked = slab_host(discovery_slab(engine->discovery), host);
    struct slab_host *facts = slab_host(engine->slab.slab, host);
    enum reason reason;

    if (asked->first_probe == slab_host(discovery_slab(engine->discovery), host + 1)->first_probe) {
        return;
    }
    if (discovery_is_up(engine->discovery, host, &reason)) {
        facts->heard = true;
        facts->rtt = asked->rtt;
    } else {
        facts->undiscovered = true;
        facts->done = true;
    }
    facts->discovered_by = (uint8_t)reason;
    if (facts->done) {
        engine_host_done(engine, host);
    }
}

void engine_count_discovery(struct raw_engine *engine)
{
    uint64_t sent = slab_totals(discovery_slab(engine->discovery))->sent;

    slab_totals(engine->slab.slab)->sent += sent - engine->discovery_seen;
    engine->discovery_sent += sent - engine->discovery_seen;
    engine->discovery_seen = sent;
}

static void forget_discovery(struct raw_engine *engine)
{
    if (engine->discovery != NULL) {
        engine_count_discovery(engine);
        discovery_destroy(engine->discovery);
        engine->discovery = NULL;
        engine->discovery_seen = 0;
    }
}

int engine_end_discovering(struct raw_engine *engine, struct problem *problem)
{
    end_volley(engine);
    for (uint32_t host = 0; host < engine->slab.map.hosts; host++) {
        note_discovered(engine, host);
    }
    forget_discovery(engine);
    return begin_probing(engine, problem);
}

static int add_patients(struct raw_engine *engine)
{
    struct mono_time now = mono_now();
    int rc = 0;

    for (uint32_t host = 0; rc == 0 && host < engine->slab.map.hosts; host++) {
        if (engine->patients[host]) {
            rc = patience_add(engine->patience, host, now);
        }
    }
    return rc;
}

int engine_begin_waiting(struct raw_engine *engine, struct problem *problem)
{
    uint64_t pps = engine->options.rate.ceiling_pps;
    const struct raw_engine_listener *listener = &engine->options.listener;
    struct patience_options options = {
        .slab = engine->slab.slab,
        .tries = engine->slab.retries + 1,
        .most_s = PATIENCE_MOST_S,
        .rate = pacer_rate_of(pps > 0 && pps < PATIENCE_RATE_PPS ? pps : PATIENCE_RATE_PPS, 1),
        .host_rate = engine->slab.host_rate,
        .listener = {{hear_found_open, hear_patient_done, NULL, engine},
                     listener->limited,
                     listener->undecided,
                     listener->context}};

    engine->volley_settled = volley_settled(engine->volley);
    end_volley(engine);
    engine->phase = WAITING;
    engine->patience_sent = slab_totals(engine->slab.slab)->sent;
    engine->patience = patience_create(&options);
    return engine->patience == NULL || add_patients(engine) < 0 ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}

/* What nobody has told of yet is to be asked again after a resume. */
static void forget_patients(struct raw_engine *engine)
{
    for (uint32_t host = 0; engine->patient_count > 0 && host < engine->slab.map.hosts; host++) {
        if (engine->patients[host]) {
            slab_host(engine->slab.slab, host)->done = false;
            engine->patients[host] = false;
            engine->patient_count--;
        }
    }
    engine->patience_left = 0;
    patience_destroy(engine->patience);
    engine->patience = NULL;
}

/* As with patients. */
static void forget_held(struct raw_engine *engine)
{
    for (uint32_t host = 0; engine->held_count > 0 && host < engine->slab.map.hosts; host++) {
        if (engine->held[host] != NOT_HELD) {
            slab_host(engine->slab.slab, host)->done = false;
            engine->held[host] = NOT_HELD;
            engine->held_count--;
        }
    }
}

void engine_rest(struct raw_engine *engine)
{
    if (engine->volley != NULL) {
        end_volley(engine);
    }
    forget_discovery(engine);
    forget_patients(engine);
    forget_held(engine);
    engine->phase = IDLE;
}

void raw_engine_end(struct raw_engine *engine)
{
    engine_rest(engine);
    if (engine->done_hosts != NULL) {
        engine_tell_hosts(engine, UINT32_MAX);
    }
    free(engine->done_hosts);
    free(engine->patients);
    free(engine->held);
    engine->done_hosts = NULL;
    engine->patients = NULL;
    engine->held = NULL;
}

void raw_engine_stop(struct raw_engine *engine)
{
    engine->stopping = true;
    if (engine->volley != NULL) {
        volley_stop(engine->volley);
    }
}

bool raw_engine_is_done(const struct raw_engine *engine)
{
    bool told = engine->done_told == engine->done_count;

    if (engine->phase == PROBING) {
        return volley_is_done(engine->volley) && told &&
               (engine->stopping || (engine->patient_count == 0 && engine->held_count == 0));
    }
    return engine->stopping ||
           (engine->phase == WAITING && patience_is_done(engine->patience) && told && engine->held_count == 0);
}

bool raw_engine_is_complete(const struct raw_engine *engine)
{
    return engine->held_count == 0 &&
           (engine->phase == PROBING ? volley_is_complete(engine->volley) && engine->patient_count == 0
                                     : engine->phase == WAITING && patience_is_done(engine->patience));
}

uint64_t raw_engine_settled(const struct raw_engine *engine)
{
    if (engine->phase == WAITING) {
        return engine->volley_settled - patience_left(engine->patience);
    }
    return engine->phase == PROBING ? volley_settled(engine->volley) - engine->patience_left : 0;
}

void raw_engine_limit(struct raw_engine *engine, uint64_t ceiling_pps)
{
    rate_limit(engine->rate, ceiling_pps);
}
