#include "scanner/raw/engine.h"

#include "scanner/raw/crew.h"
#include "scanner/raw/discovery.h"
#include "scanner/raw/links.h"
#include "scanner/raw/paths.h"
#include "scanner/raw/patience.h"
#include "scanner/raw/port_hold.h"
#include "scanner/raw/privilege.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    /* Frames of each link that are taken before the books are looked at again. */
    TAKE_AT_ONCE = 2048,
    /* A ring has room for an answer to each probe of a small scan, and 8 MiB for a large one: making it costs 2 ms a
     * megabyte. */
    RING_BYTES_PROBE = 128,
    RING_BYTES_LEAST = 512 * 1024,
    RING_BYTES_MOST = 8 * 1024 * 1024,
    RING_BYTES_SHARED = 2 * 1024 * 1024,
    /* Neighbours, discovery, duplicates. */
    ANSWERS_MORE = 64,
    PCAP_FIRST_PORT = 61000,
    PATIENTLY_AT_ONCE = 128,
    /* Hosts that are told of in one step: the reader is not kept from its ring for longer than that. */
    TOLD_AT_ONCE = 32,
    /* How often in a slab. */
    DOWNS_MOST = 8,
    MOVES_MOST = 8,
    /* Whoever is on link, was never heard and has fewer probes costs less than to be asked for once more. */
    HELD_LEAST = 8,
    SILENT_AT_ONCE = 256,
    /* As many frames in one step are a flood: what comes next is left to gather for longer. */
    FLOOD_FRAMES = 256,
};

/* How often this machine's own losses are asked for. */
static const uint64_t LOSSES_EVERY_NS = UINT64_C(2) * 1000 * 1000;
/* The smallest rings hold what comes in twenty times as long. */
static const uint64_t NAP_NS = UINT64_C(1) * 1000 * 1000;
/* While less comes: who is woken by each frame has no time for anything else. */
static const uint64_t NAP_SOME_NS = UINT64_C(250) * 1000;
/* How long a link may take nothing. */
static const uint64_t REFUSED_MOST_NS = UINT64_C(30) * 1000 * 1000 * 1000;
static const uint64_t HEAR_EVERY_NS = UINT64_C(2) * 1000 * 1000;
static const uint64_t AHEAD_EVERY_NS = UINT64_C(1) * 1000 * 1000;
/* Reading large tables takes long, and those of a router change all the time: at most a tenth of the time goes there.
 */
static const uint64_t ROUTES_REST = 9;
static const uint64_t ALLOWANCE_EVERY_NS = UINT64_C(50) * 1000 * 1000;

/* How often it is looked whether next hops are where they were, and how long who had answered is silent before it is
 * asked. */
static const uint64_t WATCH_EVERY_NS = UINT64_C(100) * 1000 * 1000;
static const uint64_t SILENT_MS = 1000;

enum phase {
    IDLE,
    ASKING,      /* for hardware addresses */
    DISCOVERING, /* which hosts are there, by a volley of its own */
    PROBING,
    WAITING, /* UDP: what limits of ICMP errors left open */
};

/* A host that is done but for its silence, which counts once its next hop is known to be where it was. */
enum held { NOT_HELD, HELD, HELD_ASKED };

struct raw_engine {
    struct raw_engine_options options;
    struct router *router;
    struct links *links;
    struct port_hold *hold;
    struct paths *paths;
    struct crew *crew;
    struct rate *rate;
    struct answer_reader reader;
    uint8_t key[COOKIE_KEY_BYTES];
    /* The slab at hand. */
    struct raw_engine_slab slab;
    struct volley *volley;
    struct discovery *discovery;
    uint64_t discovery_sent; /* packets of all discoveries of the slab, */
    uint64_t discovery_seen; /* and of the one at hand, as far as the slab has them */
    struct patience *patience;
    bool *patients; /* hosts that the patience takes up after the volley, and its own */
    uint32_t patient_count;
    uint64_t patience_left; /* their silent ports */
    uint64_t patience_sent; /* probes before it */
    uint64_t volley_settled;
    uint32_t *done_hosts; /* to be told of, in order */
    uint32_t done_count;
    uint32_t done_told;
    uint8_t *held; /* enum held, by host */
    uint32_t held_count;
    uint32_t moves;
    bool discovery_doubted;
    bool discovery_sure; /* whom discovery did not hear was not asked for in vain */
    uint32_t silent_turn;
    struct mono_time silent_due;
    struct mono_time watch_due;
    enum phase phase;
    bool stopping;
    bool rerouting; /* the slab's ways are looked for anew */
    uint32_t downs; /* how often a link was found down */
    int lost_error; /* of a host that has lost its way; 0: none has */
    struct addr lost_host;
    struct mono_time now; /* of the batch that is being taken */
    struct sweep_answer taken[VOLLEY_BATCH];
    uint32_t taken_count;
    uint32_t frames;             /* that came in this step */
    struct mono_time heard;      /* what came in by then has been taken */
    struct mono_time routes_due; /* until then changes of routes wait */
    struct mono_time losses_asked;
    struct mono_time allowance_asked;
    struct link_losses losses;
    uint64_t allowance_exceeded;
    const char *allowance_name;
    uint64_t refused[ANSWER_REFUSALS];
    struct addr stranger;
    uint64_t foreign;
    uint64_t late;
    /* What senders say. */
    _Atomic bool halted;
    _Atomic int failure;
    _Atomic uint32_t failed_link;
};

/* ---- senders ----------------------------------------------------------------------------------------------------- */

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

static void fail_sender(struct raw_engine *engine, int rc, uint32_t link)
{
    int none = 0;

    engine->failed_link = link;
    atomic_compare_exchange_strong(&engine->failure, &none, rc);
    engine->halted = true;
}

/* The single place where probes become packets: nothing outside the scope, and nothing on the never-scan list, gets
 * past it. A frame for an unreachable host is empty. */
static int make_frame(const struct raw_engine *engine, const struct volley_shot *shot, struct mono_time now,
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
        int rc = make_frame(engine, &batch->shots[i], now, &batch->frames[i]);
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
            fail_sender(engine, sent, batch->frames[done].link);
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

static void sender_work(void *context, uint32_t number)
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
        fail_sender(engine, rc, 0);
    }
    free(batch);
}

/* ---- hosts that are done -------------------------------------------------------------------------------------------
 */

/* A line for a host costs more than many answers: it waits until the ring is empty. */
static void host_done(struct raw_engine *engine, uint32_t host)
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
        host_done(engine, host);
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

static void tell_hosts(struct raw_engine *engine, uint32_t most)
{
    for (uint32_t i = 0; i < most && engine->done_told < engine->done_count; i++) {
        engine->slab.listener.host_done(engine->slab.listener.context, engine->done_hosts[engine->done_told++]);
    }
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void hear_opened(void *context, const char *interface, const char *driver, const char *reason, size_t ring_bytes)
{
    const struct raw_engine *engine = context;
    const struct raw_engine_listener *listener = &engine->options.listener;

    listener->link_opened(listener->context, interface, driver, reason, ring_bytes);
}

static enum reason reason_of(int error)
{
    return error == EHOSTUNREACH || error == EHOSTDOWN ? REASON_HOST_UNREACH
           : error == EACCES || error == EPERM         ? REASON_ADMIN_PROHIBITED
                                                       : REASON_NET_UNREACH;
}

static bool is_in_shard(const struct raw_engine_slab *slab, uint32_t probe)
{
    return slab->shard_count == 1 || permutation_position(slab->order, probe) % slab->shard_count == slab->shard_index;
}

/* This machine says so of itself, as connect(2) would: its ports are filtered, and the host is not up. A host that was
 * reached until now, or before a resume, proves nothing by this: its probes stay unanswered for a resume. One that was
 * and that nobody on link answers for is gone, most likely. */
static void hear_unreachable(void *context, uint32_t host, int error)
{
    struct raw_engine *engine = context;
    const struct raw_engine_listener *listener = &engine->options.listener;
    struct slab *slab = engine->slab.slab;
    uint32_t end = slab_host(slab, host + 1)->first_probe;

    if (engine->rerouting || (error != EHOSTDOWN && slab_host(slab, host)->heard)) {
        engine->lost_error = engine->lost_error == 0 ? error : engine->lost_error;
        engine->slab.map.host(engine->slab.map.context, host, &engine->lost_host);
        return;
    }
    for (uint32_t probe = slab_host(slab, host)->first_probe; probe < end; probe++) {
        if (is_in_shard(&engine->slab, probe)) {
            slab_upgrade(slab, probe, PROBE_ICMP, reason_of(error));
        }
    }
    slab_host(slab, host)->done = true;
    listener->unreachable(listener->context, host, error);
    host_done(engine, host);
}

static void hear_moved(void *context, const struct addr *hop, const uint8_t mac[ROUTE_MAC])
{
    const struct raw_engine *engine = context;

    engine->options.listener.moved(engine->options.listener.context, hop, mac);
}

static void hear_gone(void *context, const struct addr *hop)
{
    const struct raw_engine *engine = context;

    engine->options.listener.gone(engine->options.listener.context, hop);
}

static uint32_t processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count < 1 ? 1 : count > RAW_ENGINE_SENDERS_MAX ? RAW_ENGINE_SENDERS_MAX : (uint32_t)count;
}

static bool is_replay(const struct raw_engine *engine)
{
    return engine->options.driver != NULL && strcmp(engine->options.driver, "pcap") == 0;
}

static struct link_filter filter_of(const struct raw_engine *engine, uint16_t first_port)
{
    const struct space *space = engine->options.space;
    struct link_filter filter = {.first_port = first_port,
                                 .last_port = (uint16_t)(first_port + RAW_ENGINE_PORTS - 1),
                                 .tcp = engine->options.probe == PACKET_TCP_SYN || engine->options.discovers,
                                 .udp = engine->options.probe == PACKET_UDP || engine->options.discovers};

    for (size_t i = 0; i < space_ranges(space); i++) {
        struct addr first;
        struct addr last;
        space_range(space, i, &first, &last);
        filter.ipv4 |= !first.is_ipv6;
        filter.ipv6 |= first.is_ipv6 != 0;
    }
    if (engine->options.canary != NULL) {
        filter.ipv4 |= !engine->options.canary->is_ipv6;
        filter.ipv6 |= engine->options.canary->is_ipv6 != 0;
    }
    return filter;
}

static int open_ports(struct raw_engine *engine, struct cookie_ports *ret_ports, struct problem *problem)
{
    int rc;

    *ret_ports = (struct cookie_ports){.first = PCAP_FIRST_PORT, .count = RAW_ENGINE_PORTS};
    if (is_replay(engine)) {
        return 0;
    }
    rc = port_hold_create(engine->options.discovers             ? PORT_HOLD_UDP | PORT_HOLD_TCP
                          : engine->options.probe == PACKET_UDP ? PORT_HOLD_UDP
                                                                : PORT_HOLD_TCP,
                          RAW_ENGINE_PORTS, &engine->hold, problem);
    if (rc == 0) {
        ret_ports->first = port_hold_first(engine->hold);
    }
    return rc;
}

static uint32_t ring_bytes(const struct raw_engine *engine)
{
    uint64_t probes = space_probes(engine->options.space);

    if (engine->options.ring_bytes != 0 || probes >= RING_BYTES_MOST / RING_BYTES_PROBE) {
        return engine->options.ring_bytes != 0 ? engine->options.ring_bytes : RING_BYTES_MOST;
    }
    return probes * RING_BYTES_PROBE > RING_BYTES_LEAST ? (uint32_t)(probes * RING_BYTES_PROBE) : RING_BYTES_LEAST;
}

/* Where answers come in on each sender's own processor, as over a veth pair or by a queue for each, one ring's lock
 * would cost a fifth of all processor time. */
static uint32_t ring_shares(const struct raw_engine *engine)
{
    return ring_bytes(engine) >= RING_BYTES_SHARED ? engine->options.senders : 1;
}

/* Of a plan that is nearly over before a ring would be made and taken away again; a larger one is done with less
 * processor time by rings. */
static uint32_t few_answers(const struct raw_engine *engine)
{
    uint64_t probes = space_probes(engine->options.space);

    return engine->options.ring_bytes == 0 && probes <= RING_BYTES_MOST / RING_BYTES_PROBE
               ? (uint32_t)probes + ANSWERS_MORE
               : 0;
}

static int open_network(struct raw_engine *engine, struct problem *problem)
{
    struct paths_options paths = {
        .key = engine->key, .unreachable = hear_unreachable, .moved = hear_moved, .gone = hear_gone, .context = engine};
    struct links_options links = {.driver = engine->options.driver,
                                  .senders = engine->options.senders + 1, /* the reader is the last of them */
                                  .ring_bytes = ring_bytes(engine),
                                  .ring_shares = ring_shares(engine),
                                  .answers = few_answers(engine),
                                  .record = engine->options.record,
                                  .replay = engine->options.replay,
                                  .opened = hear_opened,
                                  .context = engine};
    int rc = open_ports(engine, &paths.ports, problem);

    if (rc == 0) {
        answer_reader_init(&engine->reader, engine->key, paths.ports, LOSS_PASSES_MAX);
        links.filter = filter_of(engine, paths.ports.first);
    }
    if (rc == 0 && !is_replay(engine)) {
        rc = router_create(engine->options.probe == PACKET_UDP ? IPPROTO_UDP : IPPROTO_TCP, &engine->router, problem);
        links.filter.arp = true;
        links.filter.arp_ring =
            rc == 0 && paths_want_neighbours(engine->router, engine->options.space, engine->options.canary);
    }
    if (rc == 0) {
        rc = links_create(&links, &engine->links, problem);
    }
    if (rc < 0) {
        return rc;
    }
    paths.links = engine->links;
    paths.router = engine->router;
    paths.space = is_replay(engine) ? NULL : engine->options.space;
    paths.sender = engine->options.senders;
    engine->paths = paths_create(&paths);
    return engine->paths == NULL
               ? problem_set(problem, -ENOMEM, "out of memory")
               : paths_open_links(engine->paths, engine->options.space, engine->options.canary, problem);
}

static int confine(struct raw_engine *engine, struct problem *problem)
{
    int rc;

    addr_keep_zones();
    rc = is_replay(engine) ? 0 : privilege_drop(problem);
    return rc == 0 ? privilege_confine(engine->options.connects, problem) : rc;
}

int raw_engine_create(const struct raw_engine_options *options, struct raw_engine **ret_engine, struct problem *problem)
{
    struct raw_engine *engine = calloc(1, sizeof(*engine));
    int rc = 0;

    if (engine == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    engine->options = *options;
    if (engine->options.senders == 0) {
        engine->options.senders = processors();
    }
    if (options->key != NULL) {
        memcpy(engine->key, options->key, sizeof(engine->key));
    } else {
        randombytes_buf(engine->key, sizeof(engine->key));
    }
    if (!is_replay(engine) && !privilege_has_raw()) {
        rc = problem_set(problem, -EPERM, "raw sockets need CAP_NET_RAW");
    }
    engine->rate = rc == 0 ? rate_create(&options->rate) : NULL;
    if (rc == 0 && engine->rate == NULL) {
        rc = problem_set(problem, -ENOMEM, "out of memory");
    }
    rc = rc == 0 ? open_network(engine, problem) : rc;
    rc = rc == 0 ? confine(engine, problem) : rc;
    if (rc == 0 && engine->router != NULL && router_minds_ports(engine->router)) {
        options->listener.ports_ruled(options->listener.context);
    }
    rc = rc == 0 ? crew_create(engine->options.senders, &engine->crew, problem) : rc;
    if (rc < 0) {
        raw_engine_destroy(engine);
        return rc;
    }
    *ret_engine = engine;
    return 0;
}

void raw_engine_destroy(struct raw_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    raw_engine_end(engine);
    crew_destroy(engine->crew);
    paths_destroy(engine->paths);
    router_destroy(engine->router);
    links_destroy(engine->links);
    port_hold_destroy(engine->hold);
    rate_destroy(engine->rate);
    sodium_memzero(engine->key, sizeof(engine->key));
    free(engine);
}

/* ---- a slab ------------------------------------------------------------------------------------------------------ */

static bool is_done_host(void *of, uint32_t host)
{
    return slab_host(of, host)->done;
}

static int resolve(struct raw_engine *engine, struct problem *problem)
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
    return resolve(engine, problem);
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
    crew_start(engine->crew, sender_work, engine);
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
static int begin_discovering(struct raw_engine *engine, struct problem *problem)
{
    struct discovery_options options = {.hosts = engine->slab.map.hosts,
                                        .probe = engine->options.probe,
                                        .asks = asks_host,
                                        .port = host_port,
                                        .context = engine};
    struct volley_options volley = {
        .shard_count = 1, .kinds = DISCOVERY_KINDS, .listener = {ignore_open, ignore_host, ignore_host, engine}};

    if (!engine->options.discovers || is_replay(engine) || engine->slab.map.is_known == NULL) {
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
        host_done(engine, host);
    }
}

static void count_discovery(struct raw_engine *engine)
{
    uint64_t sent = slab_totals(discovery_slab(engine->discovery))->sent;

    slab_totals(engine->slab.slab)->sent += sent - engine->discovery_seen;
    engine->discovery_sent += sent - engine->discovery_seen;
    engine->discovery_seen = sent;
}

static void forget_discovery(struct raw_engine *engine)
{
    if (engine->discovery != NULL) {
        count_discovery(engine);
        discovery_destroy(engine->discovery);
        engine->discovery = NULL;
        engine->discovery_seen = 0;
    }
}

static int end_discovering(struct raw_engine *engine, struct problem *problem)
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

static int begin_waiting(struct raw_engine *engine, struct problem *problem)
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

static void rest(struct raw_engine *engine)
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
    rest(engine);
    if (engine->done_hosts != NULL) {
        tell_hosts(engine, UINT32_MAX);
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

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static int64_t find_probe(const struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    const struct raw_engine_map *map = &engine->slab.map;

    if ((engine->phase != PROBING && engine->phase != WAITING) || answer->probe != engine->options.probe) {
        return -1;
    }
    answer->host.zone = paths_zone(engine->paths, link, &answer->host, &answer->local);
    return map->find(map->context, &answer->host, answer->port);
}

/* A source port stands for a try; one that was not made yet is an accident, or made up. */
static bool knows_try(const struct raw_engine *engine, uint32_t probe, uint8_t try_number)
{
    uint32_t host = slab_host_of(engine->slab.slab, probe);

    return engine->phase == WAITING ? patience_knows_try(engine->patience, host, try_number)
                                    : try_number <= slab_host(engine->slab.slab, host)->pass;
}

static void take_gathered(struct raw_engine *engine)
{
    if (engine->taken_count > 0) {
        /* Taking takes time, and what is taken last may have left after the step began. */
        engine->now = mono_now();
        volley_take(engine->volley, engine->taken, engine->taken_count, engine->now);
        engine->taken_count = 0;
    }
}

/* The latest of those that are gathered. */
static void give_answer(struct raw_engine *engine)
{
    if (engine->phase == WAITING) {
        patience_take(engine->patience, &engine->taken[0], engine->now);
        return;
    }
    engine->taken_count++;
    if (engine->taken_count == VOLLEY_BATCH) {
        take_gathered(engine);
    }
}

static void refuse(struct raw_engine *engine, enum answer_refusal why, const struct answer *answer)
{
    if (why == ANSWER_COOKIE && engine->refused[why] == 0) {
        engine->stranger = answer->responder;
    }
    engine->refused[why]++;
}

/* To none of the slab's probes. By chance a stranger's port may be that of a try of his own. */
static void miss(struct raw_engine *engine, uint32_t link, const struct answer *answer)
{
    const struct addr *canary = engine->options.canary;
    struct addr host = answer->host;

    host.zone = paths_zone(engine->paths, link, &host, &answer->local);
    if (space_has(engine->options.space, &host, answer->port) || (canary != NULL && addr_equal(canary, &host))) {
        engine->late++;
    } else {
        refuse(engine, ANSWER_COOKIE, answer);
    }
}

static void take_answer(struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    static const char *const proofs[] = {
        [PAYLOAD_FOREIGN] = "port", [PAYLOAD_PLAUSIBLE] = "port", [PAYLOAD_PROVEN] = "id"};
    static const enum probe_answer weights[] = {[ANSWER_SYN_ACK] = PROBE_SYN_ACK,
                                                [ANSWER_RST] = PROBE_RST,
                                                [ANSWER_ICMP] = PROBE_ICMP,
                                                [ANSWER_UDP] = PROBE_SYN_ACK};
    int64_t probe = find_probe(engine, link, answer);
    /* Filled where it stays: a copy would wait until all its parts are stored. */
    struct sweep_answer *taken = &engine->taken[engine->taken_count];

    if (probe < 0) {
        miss(engine, link, answer);
        return;
    }
    if (!knows_try(engine, (uint32_t)probe, answer->try_number)) {
        refuse(engine, ANSWER_COOKIE, answer);
        return;
    }
    taken->probe = (uint32_t)probe;
    taken->answer = weights[answer->kind];
    taken->reason = answer->reason;
    taken->from_host = answer->from_host;
    taken->try_number = answer->try_number;
    taken->proof = answer->kind == ANSWER_UDP ? proofs[answer->verdict] : NULL;
    /* The port itself says that nothing listens (RFC 1122, 4.1.3.1): closed, for UDP. */
    if (answer->kind == ANSWER_ICMP && engine->options.probe == PACKET_UDP && answer->from_host &&
        answer->reason == REASON_PORT_UNREACH) {
        taken->answer = PROBE_RST;
    }
    engine->foreign += answer->from_host ? 0 : 1;
    if (answer->kind == ANSWER_SYN_ACK && answer->window == 0 &&
        slab_answer(engine->slab.slab, taken->probe) != PROBE_SYN_ACK) {
        engine->options.listener.zero_window(engine->options.listener.context,
                                             slab_host_of(engine->slab.slab, taken->probe));
    }
    give_answer(engine);
}

/* The question that it answers, or -1. */
static int64_t find_question(const struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    const struct raw_engine_map *map = &engine->slab.map;
    struct discovery_question question = {.probe = answer->probe, .port = answer->port};
    int64_t host;

    answer->host.zone = paths_zone(engine->paths, link, &answer->host, &answer->local);
    host = map->find_host(map->context, &answer->host);
    if (host < 0) {
        return -1;
    }
    question.host = (uint32_t)host;
    return discovery_find(engine->discovery, &question);
}

/* Whatever the host itself says shows that it is there, and only that; its ports are asked later. */
static void take_discovered(struct raw_engine *engine, uint32_t link, struct answer *answer)
{
    int64_t probe = find_question(engine, link, answer);
    struct slab *slab = discovery_slab(engine->discovery);
    bool echo = answer->kind == ANSWER_ECHO;

    if (probe < 0) {
        engine->late++;
        return;
    }
    if (answer->try_number > slab_host(slab, slab_host_of(slab, (uint32_t)probe))->pass) {
        engine->refused[ANSWER_COOKIE]++;
        return;
    }
    engine->taken[engine->taken_count] = (struct sweep_answer){.probe = (uint32_t)probe,
                                                               .answer = answer->kind != ANSWER_ICMP ? PROBE_SYN_ACK
                                                                         : answer->from_host         ? PROBE_RST
                                                                                                     : PROBE_ICMP,
                                                               .reason = echo ? REASON_ECHO_REPLY : answer->reason,
                                                               .from_host = echo || answer->from_host,
                                                               .try_number = answer->try_number};
    give_answer(engine);
}

static void take_frame(void *context, uint32_t link, const struct link_frame *frame)
{
    struct raw_engine *engine = context;
    unsigned int flags = (links_layer(engine->links, link) == LINK_ETHERNET ? ANSWER_ETHERNET : 0U) |
                         (frame->checksum_pending ? ANSWER_UNVERIFIED : 0U);
    struct answer answer;

    engine->frames++;
    answer_read(&engine->reader, frame->bytes, frame->length, flags, &answer);
    switch (answer.kind) {
    case ANSWER_SYN_ACK:
    case ANSWER_RST:
    case ANSWER_ICMP:
    case ANSWER_UDP:
    case ANSWER_ECHO:
        if (engine->phase == DISCOVERING) {
            take_discovered(engine, link, &answer);
        } else if (answer.kind != ANSWER_ECHO) {
            take_answer(engine, link, &answer);
        }
        break;
    case ANSWER_ARP:
    case ANSWER_NEIGHBOUR:
        paths_take(engine->paths, link, &answer);
        break;
    case ANSWER_REFUSED:
        /* Any program here may have sent an echo. */
        if (answer.probe != PACKET_ECHO) {
            refuse(engine, answer.refusal, &answer);
        }
        break;
    case ANSWER_OTHER:
        break;
    }
}

static void hear_allowance(struct raw_engine *engine)
{
    uint64_t before = engine->allowance_exceeded;

    if (mono_elapsed_ns(engine->allowance_asked, engine->now) < ALLOWANCE_EVERY_NS) {
        return;
    }
    engine->allowance_asked = engine->now;
    engine->allowance_exceeded = links_allowance_exceeded(engine->links, &engine->allowance_name);
    if (engine->volley != NULL && engine->allowance_exceeded > before) {
        volley_lost_here(engine->volley, engine->allowance_exceeded - before, engine->now);
    }
}

static void hear_losses(struct raw_engine *engine)
{
    struct link_losses before = engine->losses;

    if (mono_elapsed_ns(engine->losses_asked, engine->now) < LOSSES_EVERY_NS) {
        return;
    }
    engine->losses_asked = engine->now;
    engine->losses = links_losses(engine->links);
    if (engine->volley != NULL && engine->losses.receive_drops > before.receive_drops) {
        volley_lost_here(engine->volley, engine->losses.receive_drops - before.receive_drops, engine->now);
    }
}

/* ---- routes that change ------------------------------------------------------------------------------------------ */

static int find_new_ways(struct raw_engine *engine, struct problem *problem)
{
    bool stopping = engine->stopping;

    rest(engine);
    paths_forget_ahead(engine->paths);
    engine->stopping = stopping;
    engine->rerouting = true;
    atomic_store(&engine->failure, 0);
    return resolve(engine, problem);
}

static int heed_routes(struct raw_engine *engine, struct problem *problem)
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

/* ---- next hops that move ----------------------------------------------------------------------------------------- */

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
            host_done(engine, host);
        }
    }
}

static int begin_doubt(struct raw_engine *engine, struct problem *problem)
{
    bool discovered = engine->phase == DISCOVERING && has_all(engine);
    int rc;

    /* What came before the question is no answer to it. */
    links_hear(engine->links, take_frame, engine);
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
    rest(engine);
    for (uint32_t host = 0; host < engine->slab.map.hosts; host++) {
        struct slab_host *facts = slab_host(engine->slab.slab, host);
        if (!facts->done && paths_has_moved(engine->paths, host)) {
            slab_forget_silence(engine->slab.slab, host);
            facts->ceiling = 0;
        }
    }
    paths_end_doubt(engine->paths);
    return begin_discovering(engine, problem);
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
static int watch_hops(struct raw_engine *engine, struct mono_time *due, struct problem *problem)
{
    bool waited_for = has_all(engine) && (engine->held_count > 0 || engine->phase == DISCOVERING);
    struct mono_time next = mono_add_ns(engine->now, HEAR_EVERY_NS);
    int rc = 0;

    if (paths_is_doubting(engine->paths)) {
        links_hear(engine->links, take_frame, engine);
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
static int heed_lost(struct raw_engine *engine, struct problem *problem)
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
static int heed_down(struct raw_engine *engine, int rc, struct problem *problem)
{
    if (rc != -ENETDOWN || engine->router == NULL || engine->downs == DOWNS_MOST) {
        return rc;
    }
    engine->downs++;
    (void)router_changed(engine->router);
    rc = find_new_ways(engine, problem);
    return rc == 0 ? heed_lost(engine, problem) : rc;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static int sender_failure(struct raw_engine *engine, struct problem *problem)
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

static int receive(struct raw_engine *engine, struct problem *problem)
{
    uint32_t link = 0;
    int rc = links_receive(engine->links, TAKE_AT_ONCE, take_frame, engine, &link);

    take_gathered(engine);
    return rc < 0 ? problem_set(problem, rc, "%s: receiving: %s", links_interface(engine->links, link), strerror(-rc))
                  : 0;
}

/* What had come in before it began is taken, unless it is too much for once. */
static int hear(struct raw_engine *engine, struct problem *problem)
{
    struct mono_time begun = engine->now;
    int rc = receive(engine, problem);

    if (engine->frames < TAKE_AT_ONCE) {
        engine->heard = begun;
    }
    if (engine->volley != NULL) {
        volley_heard(engine->volley, engine->heard);
    }
    return rc;
}

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
        int rc = make_frame(engine, &probe, engine->now, &frame);
        if (rc == 0 && frame.length > 0) {
            part.iov_len = frame.length;
            rc = links_send(engine->links, frame.link, engine->options.senders, &part, 1);
        }
        if (rc < 0) {
            fail_sender(engine, rc, frame.link);
            return sender_failure(engine, problem);
        }
    }
    slab_totals(engine->slab.slab)->sent = engine->patience_sent + patience_sent(engine->patience);
    return 0;
}

static int wait_on(struct raw_engine *engine, struct mono_time *ret_due, struct problem *problem)
{
    int rc = ask_patiently(engine, problem);

    tell_hosts(engine, TOLD_AT_ONCE);
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
        links_hear(engine->links, take_frame, engine);
        rc = paths_ask(engine->paths, engine->now, problem);
        *ret_due = asking_due(engine);
        if (rc == 0 && paths_settle(engine->paths, engine->now)) {
            rc = begin_discovering(engine, problem);
            *ret_due = engine->now;
        }
        return rc;
    }
    if (engine->phase == WAITING) {
        return wait_on(engine, ret_due, problem);
    }
    volley_tick(engine->volley, engine->now);
    if (engine->phase == DISCOVERING) {
        count_discovery(engine);
    }
    tell_hosts(engine, TOLD_AT_ONCE);
    *ret_due = engine->done_told < engine->done_count ? engine->now : volley_wakeup(engine->volley);
    rc = sender_failure(engine, problem);
    if (rc == 0 && engine->phase == DISCOVERING && volley_is_complete(engine->volley) && engine->discovery_sure &&
        !engine->stopping) {
        rc = end_discovering(engine, problem);
        *ret_due = engine->now;
    } else if (rc == 0 && volley_is_complete(engine->volley) && engine->patient_count > 0 && !engine->stopping) {
        rc = begin_waiting(engine, problem);
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
    rc = hear(engine, problem);
    if (rc == 0) {
        hear_losses(engine);
        hear_allowance(engine);
        rc = heed_routes(engine, problem);
    }
    if (rc == 0) {
        rc = go_on(engine, &due, problem);
    }
    if (rc == 0 && engine->phase != ASKING && engine->router != NULL && !engine->stopping && !is_behind(engine)) {
        rc = watch_hops(engine, &due, problem);
    }
    if (rc == 0 && engine->phase != ASKING && !is_behind(engine)) {
        rc = ask_ahead(engine, &due, problem);
    }
    rc = rc == 0 ? heed_lost(engine, problem) : heed_down(engine, rc, problem);
    if (rc < 0) {
        tell_hosts(engine, UINT32_MAX); /* nobody may be told of them after the scan's last line */
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
