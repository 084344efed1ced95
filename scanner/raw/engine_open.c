/* What an engine opens before its first slab, and closes after its last. */
#include "scanner/raw/engine_inner.h"
#include "scanner/raw/privilege.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A ring has room for an answer to each probe of a small scan, and 8 MiB for a large one: making it costs 2 ms a
     * megabyte. */
    RING_BYTES_PROBE = 128,
    RING_BYTES_LEAST = 512 * 1024,
    RING_BYTES_MOST = 8 * 1024 * 1024,
    RING_BYTES_SHARED = 2 * 1024 * 1024,
    /* Neighbours, discovery, duplicates. */
    ANSWERS_MORE = 64,
    PCAP_FIRST_PORT = 61000,
};

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
    engine_host_done(engine, host);
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

bool engine_is_replay(const struct raw_engine *engine)
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
    if (engine_is_replay(engine)) {
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
    if (rc == 0 && !engine_is_replay(engine)) {
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
    paths.space = engine_is_replay(engine) ? NULL : engine->options.space;
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
    rc = engine_is_replay(engine) ? 0 : privilege_drop(problem);
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
    if (!engine_is_replay(engine) && !privilege_has_raw()) {
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
