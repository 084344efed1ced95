#include "scanner/sweep.h"
#include "tests/unit/seed.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A simulated network. Each run draws its shape, its faults and its order of events from one seed; (seed.h); the
 * invariants hold for all of them. */

enum { HOSTS_MAX = 8, PORTS_MAX = 48, PROBES_MAX = HOSTS_MAX * PORTS_MAX, FLYING_MAX = 4096, SEND_LIMIT = 100000 };

static const uint64_t MS = 1000000;

enum host_kind {
    HOST_MIXED,
    HOST_SILENT,
    HOST_REJECTING,
    HOST_DYING,
    HOST_RISING,
    HOST_SLOWING,
    HOST_ABSENT,
    HOST_KINDS
};

struct sim_host {
    enum host_kind kind;
    uint64_t rtt_ns;
    uint64_t dies_ns;
    uint64_t rises_ns;
    double loss;
    uint32_t answered;
};

/* An order is a probe that the engine has taken and not sent yet: it goes, or there is no room for it. */
enum flying_kind { PACKET, ORDER_GOES, ORDER_FAILS };

struct flying {
    enum flying_kind kind;
    uint64_t at_ns;
    struct sweep_answer answer;
    uint32_t handle;
    bool used;
    bool bound_to_try; /* vanishes with its try */
};

struct sim {
    uint64_t seed;
    uint64_t random;
    uint64_t now_ns;
    uint32_t hosts;
    uint32_t first_probes[HOSTS_MAX + 1];
    struct sim_host host[HOSTS_MAX];
    enum probe_answer truth[PROBES_MAX];
    enum probe_answer heard[PROBES_MAX];
    uint32_t sent[PROBES_MAX];
    uint32_t opens_told[PROBES_MAX];
    uint32_t host_done[HOSTS_MAX];
    uint32_t eased[HOSTS_MAX];
    bool handle_busy[256];
    uint32_t handles;
    uint32_t busy;
    uint32_t hidden_room; /* more than this at once is exhaustion */
    double exhaustion;
    double deferral; /* of the probes, that wait in the engine */
    bool ending;     /* whatever waits may be cancelled */
    double duplicates;
    struct flying flying[FLYING_MAX];
    uint32_t total_sent;
    struct slab *slab;
    struct sweep *sweep;
    struct permutation order;
    struct pacer pacer;
    struct pacer_rate rate;
    struct sweep_options options;
    struct probe_engine_ops ops;
};

/* splitmix64 (Steele, Lea & Flood 2014). */
static uint64_t draw(struct sim *sim)
{
    uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(struct sim *sim, uint32_t bound)
{
    return (uint32_t)(draw(sim) % bound);
}

static bool chance(struct sim *sim, double p)
{
    return (double)(draw(sim) >> 11) / 9007199254740992.0 < p;
}

static uint32_t host_of(const struct sim *sim, uint32_t probe)
{
    uint32_t host = 0;

    while (sim->first_probes[host + 1] <= probe) {
        host++;
    }
    return host;
}

static struct flying *take_off(struct sim *sim)
{
    for (int i = 0; i < FLYING_MAX; i++) {
        if (!sim->flying[i].used) {
            return &sim->flying[i];
        }
    }
    fail_msg("too many packets in the air");
    return NULL;
}

static void fly(struct sim *sim, uint64_t at_ns, const struct sweep_answer *answer, uint32_t handle, bool bound)
{
    *take_off(sim) = (struct flying){PACKET, at_ns, *answer, handle, true, bound};
}

/* What the network does with a probe: nothing, one answer, or several, later. */
static void answer_later(struct sim *sim, uint32_t probe, uint32_t handle)
{
    struct sim_host *host = &sim->host[host_of(sim, probe)];
    struct sweep_answer answer = {.probe = probe, .answer = sim->truth[probe], .from_host = host->kind != HOST_ABSENT};
    uint64_t delay = host->rtt_ns / 2 + draw(sim) % host->rtt_ns;

    answer.reason = answer.answer == PROBE_SYN_ACK ? REASON_SYN_ACK
                    : answer.answer == PROBE_RST   ? REASON_CONN_REFUSED
                                                   : REASON_PORT_UNREACH;
    if (host->kind == HOST_SLOWING) {
        delay += host->answered++ * MS;
    }
    if (sim->truth[probe] == PROBE_NONE || chance(sim, host->loss) ||
        (host->kind == HOST_DYING && sim->now_ns >= host->dies_ns) ||
        (host->kind == HOST_RISING && sim->now_ns < host->rises_ns)) {
        return;
    }
    fly(sim, sim->now_ns + delay, &answer, handle, sim->ops.tells_tries_apart);
    while (chance(sim, sim->duplicates)) {
        struct sweep_answer other = answer;
        /* A weaker answer to the same probe must change nothing. */
        other.answer = chance(sim, 0.5) ? PROBE_ICMP : answer.answer;
        other.reason = other.answer == PROBE_ICMP ? REASON_HOST_UNREACH : answer.reason;
        if (!sim->ops.tells_tries_apart) {
            fly(sim, sim->now_ns + delay + draw(sim) % (3000 * MS), &other, handle, false);
        }
    }
}

/* Where each try has a socket of its own, handles are real; a raw scan holds nothing for a probe. */
static uint32_t take_handle(struct sim *sim)
{
    uint32_t handle = 0;

    while (sim->handle_busy[handle]) {
        handle++;
    }
    assert_true(handle < sim->handles);
    sim->handle_busy[handle] = true;
    sim->busy++;
    return handle;
}

static void go(struct sim *sim, uint32_t probe, uint32_t handle)
{
    sim->sent[probe]++;
    sim->total_sent++;
    assert_true(sim->total_sent < SEND_LIMIT);
    answer_later(sim, probe, handle);
}

static int sim_send(void *context, uint32_t probe, const struct addr *addr, uint16_t port, uint32_t *ret_handle)
{
    struct sim *sim = context;
    uint32_t on_their_way = sweep_in_flight(sim->sweep);

    assert_int_equal(port, probe);
    assert_int_equal(addr->bytes[3], host_of(sim, probe));
    if (on_their_way >= sim->hidden_room || chance(sim, sim->exhaustion)) {
        return -EAGAIN;
    }
    assert_true(on_their_way < sim->handles);
    assert_int_equal(sim->heard[probe], PROBE_NONE);
    *ret_handle = sim->ops.tells_tries_apart ? take_handle(sim) : 0;
    if (chance(sim, sim->deferral)) {
        *take_off(sim) = (struct flying){.kind = chance(sim, sim->exhaustion) ? ORDER_FAILS : ORDER_GOES,
                                         .at_ns = sim->now_ns + draw(sim) % (2000 * MS),
                                         .answer = {.probe = probe},
                                         .handle = *ret_handle,
                                         .used = true,
                                         .bound_to_try = true};
        return 0;
    }
    go(sim, probe, *ret_handle);
    return 0;
}

static bool sim_is_waiting(void *context, uint32_t handle)
{
    const struct sim *sim = context;

    for (int i = 0; i < FLYING_MAX; i++) {
        if (sim->flying[i].used && sim->flying[i].handle == handle && sim->flying[i].kind != PACKET) {
            return true;
        }
    }
    return false;
}

static void let_go(struct sim *sim, uint32_t handle)
{
    assert_true(sim->handle_busy[handle]);
    sim->handle_busy[handle] = false;
    sim->busy--;
    for (int i = 0; i < FLYING_MAX; i++) {
        if (sim->flying[i].used && sim->flying[i].handle == handle && sim->flying[i].bound_to_try) {
            sim->flying[i].used = false;
        }
    }
}

static void sim_cancel(void *context, uint32_t handle)
{
    struct sim *sim = context;

    if (sim->ops.tells_tries_apart) {
        /* The time of what has not been sent has not begun. */
        assert_true(sim->ending || !sim_is_waiting(sim, handle));
        let_go(sim, handle);
    }
}

static uint32_t sim_capacity(void *context)
{
    return ((struct sim *)context)->handles;
}

static void sim_locate(const void *context, uint32_t probe, struct addr *ret_addr, uint16_t *ret_port)
{
    *ret_addr = (struct addr){.bytes = {10, 0, 0, (uint8_t)host_of(context, probe)}};
    *ret_port = (uint16_t)probe;
}

static void sim_open(void *context, const struct sweep_found *found)
{
    struct sim *sim = context;

    assert_int_equal(found->host, host_of(sim, found->probe));
    assert_true(found->tries >= 1 && found->tries <= sim->sent[found->probe]);
    sim->opens_told[found->probe]++;
}

static void sim_done(void *context, uint32_t host)
{
    ((struct sim *)context)->host_done[host]++;
}

static void sim_eased(void *context, uint32_t host)
{
    struct sim *sim = context;

    assert_true(host < sim->hosts);
    sim->eased[host]++;
}

/* The earliest packet in the air that is due; -1 for none. */
static int due_packet(const struct sim *sim, uint64_t until_ns)
{
    int best = -1;

    for (int i = 0; i < FLYING_MAX; i++) {
        if (sim->flying[i].used && sim->flying[i].at_ns <= until_ns &&
            (best < 0 || sim->flying[i].at_ns < sim->flying[best].at_ns)) {
            best = i;
        }
    }
    return best;
}

static void deliver(struct sim *sim, int index)
{
    struct flying packet = sim->flying[index];

    sim->flying[index].used = false;
    if (packet.kind == ORDER_GOES) {
        go(sim, packet.answer.probe, packet.handle);
        return;
    }
    if (packet.kind == ORDER_FAILS) {
        let_go(sim, packet.handle);
        sweep_take_back(sim->sweep, packet.answer.probe, (struct mono_time){sim->now_ns});
        return;
    }
    if (packet.bound_to_try) {
        let_go(sim, packet.handle);
    }
    if (sim->host_done[host_of(sim, packet.answer.probe)] == 0 &&
        packet.answer.answer > sim->heard[packet.answer.probe]) {
        sim->heard[packet.answer.probe] = packet.answer.answer;
    }
    sweep_take(sim->sweep, &packet.answer, (struct mono_time){sim->now_ns});
}

static void step(struct sim *sim, uint64_t limit_ns)
{
    uint64_t wakeup;
    int packet;

    assert_int_equal(sweep_step(sim->sweep, (struct mono_time){sim->now_ns}), 0);
    if (sweep_is_done(sim->sweep)) {
        return;
    }
    wakeup = sweep_wakeup(sim->sweep).ns;
    wakeup = wakeup < limit_ns ? wakeup : limit_ns;
    packet = due_packet(sim, wakeup > sim->now_ns ? wakeup : sim->now_ns);
    if (packet >= 0) {
        sim->now_ns = sim->flying[packet].at_ns > sim->now_ns ? sim->flying[packet].at_ns : sim->now_ns;
        deliver(sim, packet);
        return;
    }
    sim->now_ns = wakeup > sim->now_ns ? wakeup : sim->now_ns + 1;
    assert_true(sim->now_ns < UINT64_MAX / 8);
}

static void draw_hosts(struct sim *sim, bool faults)
{
    static const enum probe_answer truths[] = {PROBE_NONE, PROBE_ICMP, PROBE_RST, PROBE_SYN_ACK};
    double loss = faults && chance(sim, 0.5) ? (double)below(sim, 60) / 100 : 0;

    sim->hosts = 1 + below(sim, HOSTS_MAX);
    for (uint32_t i = 0; i < sim->hosts; i++) {
        struct sim_host *host = &sim->host[i];
        host->kind = faults ? (enum host_kind)below(sim, HOST_KINDS) : HOST_MIXED;
        host->rtt_ns = faults ? MS / 10 + draw(sim) % (400 * MS) : MS / 10 + draw(sim) % (50 * MS);
        host->dies_ns = sim->now_ns + draw(sim) % (2000 * MS);
        host->loss = loss;
        sim->first_probes[i + 1] = sim->first_probes[i] + below(sim, PORTS_MAX + 1);
        for (uint32_t probe = sim->first_probes[i]; probe < sim->first_probes[i + 1]; probe++) {
            sim->truth[probe] = host->kind == HOST_SILENT                                   ? PROBE_NONE
                                : host->kind == HOST_REJECTING || host->kind == HOST_ABSENT ? PROBE_ICMP
                                                                                            : truths[below(sim, 4)];
        }
    }
    if (sim->first_probes[sim->hosts] == 0) {
        sim->first_probes[sim->hosts] = 1;
    }
}

static void open_sweep(struct sim *sim)
{
    sim->options.slab = sim->slab;
    sim->ending = false;
    assert_int_equal(sweep_create(&sim->options, &sim->sweep), 0);
}

static void sim_init(struct sim *sim, uint64_t seed, bool faults)
{
    uint8_t key[PERMUTATION_SEED_BYTES] = {0};

    memset(sim, 0, sizeof(*sim));
    seed_at_hand = seed;
    sim->seed = seed;
    sim->random = seed;
    sim->now_ns = 1000 * MS + draw(sim) % (1000 * MS);
    draw_hosts(sim, faults);
    sim->handles = 1 + below(sim, 255);
    sim->hidden_room = faults && chance(sim, 0.3) ? 1 + below(sim, sim->handles) : UINT32_MAX;
    sim->exhaustion = faults && chance(sim, 0.3) ? 0.2 : 0;
    sim->duplicates = faults ? 0.3 : 0;
    sim->rate = pacer_rate_of(chance(sim, 0.3) ? 50 + below(sim, 5000) : 0, 1 + below(sim, 8));
    sim->ops = (struct probe_engine_ops){sim_send, sim_cancel, sim_capacity, chance(sim, 0.5), NULL};
    if (faults && sim->ops.tells_tries_apart && chance(sim, 0.5)) {
        sim->ops.is_waiting = sim_is_waiting;
        sim->deferral = 0.5;
    }
    memcpy(key, &seed, sizeof(seed));
    permutation_init(&sim->order, key, 0, sim->first_probes[sim->hosts]);
    sim->options = (struct sweep_options){.order = &sim->order,
                                          .shard_count = chance(sim, 0.3) ? 1 + below(sim, 4) : 1,
                                          .retries = below(sim, 4),
                                          .pacer = &sim->pacer,
                                          .rate = &sim->rate,
                                          .host_rate = pacer_rate_of(chance(sim, 0.3) ? 20 + below(sim, 500) : 0, 1),
                                          .map = {sim_locate, sim},
                                          .ops = &sim->ops,
                                          .engine = sim,
                                          .listener = {sim_open, sim_done, sim_eased, sim}};
    sim->options.shard_index = below(sim, sim->options.shard_count);
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    open_sweep(sim);
}

static void sim_done_with(struct sim *sim)
{
    sim->ending = true;
    sweep_destroy(sim->sweep);
    slab_destroy(sim->slab);
}

static bool in_shard(const struct sim *sim, uint32_t probe)
{
    return permutation_position(&sim->order, probe) % sim->options.shard_count == sim->options.shard_index;
}

static void check_end(struct sim *sim)
{
    uint64_t expected = 0;

    assert_true(sweep_is_complete(sim->sweep));
    assert_int_equal(sweep_in_flight(sim->sweep), 0);
    assert_int_equal(sim->busy, 0);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host_done[host], 1);
    }
    for (uint32_t probe = 0; probe < sim->first_probes[sim->hosts]; probe++) {
        enum probe_answer answer = slab_answer(sim->slab, probe);
        if (!in_shard(sim, probe)) {
            assert_int_equal(sim->sent[probe], 0);
            continue;
        }
        expected++;
        assert_in_range(sim->sent[probe], 1, sim->options.retries > 0 ? LOSS_PASSES_MAX : 1);
        assert_int_equal(answer, sim->heard[probe]);
        assert_int_equal(sim->opens_told[probe], answer == PROBE_SYN_ACK ? 1 : 0);
        if (answer == PROBE_NONE) {
            assert_int_equal(sim->sent[probe], slab_host(sim->slab, host_of(sim, probe))->pass + 1);
        }
    }
    assert_int_equal(sweep_settled(sim->sweep), expected);
    assert_int_equal(slab_totals(sim->slab)->sent, sim->total_sent);
}

static void suspend_and_resume(struct sim *sim)
{
    uint8_t *bytes;
    size_t size;

    sweep_stop(sim->sweep);
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
    }
    assert_int_equal(sweep_in_flight(sim->sweep), 0);
    assert_int_equal(slab_serialise(sim->slab, &bytes, &size), 0);
    sim_done_with(sim);
    /* Another process has other sockets: what is still in the air for the old one is lost. */
    memset(sim->flying, 0, sizeof(sim->flying));
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    assert_int_equal(slab_restore(sim->slab, bytes, size), 0);
    free(bytes);
    open_sweep(sim);
}

static struct sim sim_storage;

static void run(uint64_t seed, bool faults, bool interrupted)
{
    struct sim *sim = &sim_storage;
    uint64_t stop_at_ns;
    uint64_t steps = 0;

    sim_init(sim, seed, faults);
    stop_at_ns = interrupted ? sim->now_ns + draw(sim) % (3000 * MS) : UINT64_MAX / 4;
    while (!sweep_is_done(sim->sweep)) {
        if (sim->now_ns >= stop_at_ns) {
            suspend_and_resume(sim);
            stop_at_ns = chance(sim, 0.5) ? sim->now_ns + draw(sim) % (1000 * MS) : UINT64_MAX / 4;
            continue;
        }
        step(sim, stop_at_ns);
        assert_true(++steps < 2000000);
    }
    check_end(sim);
    sim_done_with(sim);
}

static void every_probe_is_asked_and_ends(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(600);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        run(seed + i, true, false);
    }
}

static void suspended_and_resumed_it_asks_only_what_is_left(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(600);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        run(seed + i, true, true);
    }
}

static void without_faults_it_finds_the_truth(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(250);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        struct sim *sim = &sim_storage;
        sim_init(sim, seed + i, false);
        while (!sweep_is_done(sim->sweep)) {
            step(sim, UINT64_MAX / 4);
        }
        for (uint32_t probe = 0; probe < sim->first_probes[sim->hosts]; probe++) {
            assert_int_equal(slab_answer(sim->slab, probe), in_shard(sim, probe) ? sim->truth[probe] : PROBE_NONE);
            assert_true(sim->truth[probe] == PROBE_NONE || sim->sent[probe] <= 1);
        }
        check_end(sim);
        sim_done_with(sim);
    }
}

/* A machine that never has room: the sweep says so instead of trying for ever. */
static void starved_it_gives_up(void **state)
{
    struct sim *sim = &sim_storage;
    int rc = 0;

    (void)state;
    sim_init(sim, 7, false);
    sim->hidden_room = 0;
    for (int i = 0; rc == 0 && i < 1000000; i++) {
        uint64_t wakeup;
        rc = sweep_step(sim->sweep, (struct mono_time){sim->now_ns});
        wakeup = sweep_wakeup(sim->sweep).ns;
        sim->now_ns = wakeup > sim->now_ns ? wakeup : sim->now_ns + 1;
    }
    assert_int_equal(rc, -ENOBUFS);
    assert_int_equal(sim->total_sent, 0);
    sim_done_with(sim);
}

/* The same where the engine says so only later: what it takes back is not counted as sent. */
static void starved_later_it_gives_up(void **state)
{
    struct sim *sim = &sim_storage;
    int rc = 0;

    (void)state;
    sim_init(sim, 7, false);
    sim->ops.tells_tries_apart = true;
    sim->ops.is_waiting = sim_is_waiting;
    sim->deferral = 1;
    for (int i = 0; rc == 0 && i < 1000000; i++) {
        uint64_t wakeup;
        int order;
        rc = sweep_step(sim->sweep, (struct mono_time){sim->now_ns});
        wakeup = sweep_wakeup(sim->sweep).ns;
        order = due_packet(sim, wakeup > sim->now_ns ? wakeup : sim->now_ns);
        if (order >= 0) {
            sim->now_ns = sim->flying[order].at_ns > sim->now_ns ? sim->flying[order].at_ns : sim->now_ns;
            sim->flying[order].kind = ORDER_FAILS;
            deliver(sim, order);
        } else {
            sim->now_ns = wakeup > sim->now_ns ? wakeup : sim->now_ns + 1;
        }
    }
    assert_int_equal(rc, -ENOBUFS);
    assert_true(sim->now_ns > SWEEP_STARVED_S * 1000 * MS);
    assert_int_equal(sim->total_sent, 0);
    assert_int_equal(slab_totals(sim->slab)->sent, sweep_in_flight(sim->sweep));
    sim_done_with(sim);
}

/* What a try took is what the engine measured, however long its answer lay there. */
static void believes_the_engine_about_time(void **state)
{
    struct sim *sim = &sim_storage;
    struct sweep_answer answer = {.answer = PROBE_RST, .reason = REASON_CONN_REFUSED, .from_host = true};

    (void)state;
    sim_init(sim, 7, false);
    sim->ops.tells_tries_apart = true;
    assert_int_equal(sweep_step(sim->sweep, (struct mono_time){sim->now_ns}), 0);
    while (sim->sent[answer.probe] == 0) {
        answer.probe++;
        assert_true(answer.probe < sim->first_probes[sim->hosts]);
    }
    answer.took_ns = 3 * MS;
    sweep_take(sim->sweep, &answer, (struct mono_time){sim->now_ns + 50 * MS});
    assert_int_equal(slab_host(sim->slab, host_of(sim, answer.probe))->rtt.srtt_us, 3000);
    sim_done_with(sim);
}

/* A host that has answered everything and then stops is asked more gently, and its neighbour is not. */
static void a_host_that_stops_is_eased_off(void **state)
{
    struct sim *sim = &sim_storage;
    uint32_t most = 0;

    (void)state;
    sim_init(sim, 3, false);
    sim_done_with(sim);
    sim->rate = pacer_rate_of(0, 1);
    sim->options.host_rate = pacer_rate_of(100, 1);
    sim->options.shard_count = 1;
    sim->options.shard_index = 0;
    sim->options.retries = 1;
    sim->handles = 256;
    sim->hosts = 2;
    for (uint32_t host = 0; host < 2; host++) {
        sim->host[host] = (struct sim_host){.kind = host == 0 ? HOST_DYING : HOST_MIXED, .rtt_ns = MS};
        sim->first_probes[host + 1] = (host + 1) * PORTS_MAX;
    }
    sim->host[0].dies_ns = sim->now_ns + 240 * MS;
    for (uint32_t probe = 0; probe < sim->first_probes[2]; probe++) {
        sim->truth[probe] = PROBE_RST;
    }
    permutation_init(&sim->order, (const uint8_t[PERMUTATION_SEED_BYTES]){0}, 0, 2 * PORTS_MAX);
    assert_int_equal(slab_create(sim->first_probes, 2, &sim->slab), 0);
    open_sweep(sim);
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
        if (sim->eased[0] > 0 && slab_host(sim->slab, 0)->ceiling > most) {
            most = slab_host(sim->slab, 0)->ceiling;
        }
    }
    check_end(sim);
    assert_int_equal(sim->eased[0], 1);
    assert_int_equal(sim->eased[1], 0);
    /* From 64 and more to an eighth, and it does not grow again within a few dozen probes. */
    assert_in_range(most, 8, 16);
    assert_true(slab_host(sim->slab, 1)->ceiling >= 64);
    sim_done_with(sim);
}

/* Where nobody is, this machine says so, late, of some probes and not of others: no measure of anybody. */
static void nobody_is_not_eased_off(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 5, false);
    sim_done_with(sim);
    sim->rate = pacer_rate_of(0, 1);
    sim->options.host_rate = pacer_rate_of(100, 1);
    sim->options.shard_count = 1;
    sim->options.shard_index = 0;
    sim->options.retries = 2;
    sim->ops.tells_tries_apart = true;
    sim->handles = 256;
    sim->hosts = 2;
    for (uint32_t host = 0; host < 2; host++) {
        sim->host[host] = (struct sim_host){.kind = HOST_ABSENT, .rtt_ns = 30 * MS, .loss = host == 0 ? 0.9 : 0.3};
        sim->first_probes[host + 1] = (host + 1) * PORTS_MAX;
    }
    for (uint32_t probe = 0; probe < sim->first_probes[2]; probe++) {
        sim->truth[probe] = probe % 2 == 0 ? PROBE_ICMP : PROBE_NONE;
    }
    permutation_init(&sim->order, (const uint8_t[PERMUTATION_SEED_BYTES]){0}, 0, 2 * PORTS_MAX);
    assert_int_equal(slab_create(sim->first_probes, 2, &sim->slab), 0);
    open_sweep(sim);
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
    }
    check_end(sim);
    for (uint32_t host = 0; host < 2; host++) {
        assert_int_equal(sim->eased[host], 0);
        assert_true(slab_host(sim->slab, host)->counts[PROBE_ICMP] > 8 || host == 0);
        assert_false(slab_host(sim->slab, host)->heard);
        assert_false(slab_host(sim->slab, host)->rtt.measured);
    }
    sim_done_with(sim);
}

/* Many silent addresses: their time-outs run side by side. */
static void silent_hosts_do_not_take_for_ever(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t begun;

    (void)state;
    sim_init(sim, 11, false);
    sim_done_with(sim);
    sim->rate = pacer_rate_of(0, 1);
    sim->options.host_rate = sim->rate;
    sim->options.shard_count = 1;
    sim->options.shard_index = 0;
    sim->options.retries = 2;
    sim->handles = 256;
    sim->hosts = HOSTS_MAX;
    for (uint32_t i = 0; i < HOSTS_MAX; i++) {
        sim->host[i].rtt_ns = MS;
        sim->first_probes[i + 1] = (i + 1) * PORTS_MAX;
    }
    memset(sim->truth, 0, sizeof(sim->truth));
    permutation_init(&sim->order, (const uint8_t[PERMUTATION_SEED_BYTES]){0}, 0, PROBES_MAX);
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    open_sweep(sim);
    begun = sim->now_ns;
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
    }
    check_end(sim);
    /* Each that ended made room for one more, up to what there are handles for. */
    assert_int_equal(sweep_ceiling(sim->sweep), 256);
    /* 384 probes, 256 at once, three passes of under a second: two rounds each. */
    assert_true(sim->now_ns - begun < 6200 * MS);
    sim_done_with(sim);
}

/* Eight hosts, the last of which is silent, by a plan with two retries. */
static void make_eight(struct sim *sim, double loss)
{
    sim_init(sim, 12, false);
    sim_done_with(sim);
    sim->rate = pacer_rate_of(0, 1);
    sim->options.host_rate = sim->rate;
    sim->options.shard_count = 1;
    sim->options.shard_index = 0;
    sim->options.retries = 2;
    sim->handles = 256;
    sim->hosts = HOSTS_MAX;
    for (uint32_t i = 0; i < HOSTS_MAX; i++) {
        sim->host[i] = (struct sim_host){.kind = HOST_MIXED, .rtt_ns = MS, .loss = loss};
        sim->first_probes[i + 1] = (i + 1) * PORTS_MAX;
    }
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        sim->truth[probe] = probe < PROBES_MAX - PORTS_MAX ? PROBE_RST : PROBE_NONE;
    }
    permutation_init(&sim->order, (const uint8_t[PERMUTATION_SEED_BYTES]){0}, 0, PROBES_MAX);
    assert_int_equal(slab_create(sim->first_probes, sim->hosts, &sim->slab), 0);
    open_sweep(sim);
}

static void run_to_the_end(struct sim *sim)
{
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
    }
    check_end(sim);
}

static void tries_follow_the_measured_loss(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    make_eight(sim, 0);
    run_to_the_end(sim);
    assert_int_equal(sim->sent[PROBES_MAX - 1], 3);
    sim_done_with(sim);
    make_eight(sim, 0.3);
    run_to_the_end(sim);
    /* 336 × 0.3^n < 0.001 from n = 11 on; three tries would have missed nine. */
    assert_in_range(sim->sent[PROBES_MAX - 1], 11, 16);
    assert_int_equal(slab_host(sim->slab, 7)->counts[PROBE_NONE], PORTS_MAX);
    for (uint32_t probe = 0; probe < PROBES_MAX - PORTS_MAX; probe++) {
        assert_int_equal(slab_answer(sim->slab, probe), PROBE_RST);
    }
    sim_done_with(sim);
}

/* It gets as many tries as the others, from when it is there, and what it was silent in is no loss. */
static void a_host_that_comes_up_is_no_loss(void **state)
{
    struct sim *sim = &sim_storage;
    struct loss_estimate estimate;

    (void)state;
    make_eight(sim, 0);
    sim->host[0].kind = HOST_RISING;
    sim->host[0].rises_ns = sim->now_ns + 700 * MS;
    sim->truth[0] = PROBE_NONE;
    run_to_the_end(sim);
    assert_int_equal(slab_host(sim->slab, 0)->counts[PROBE_RST], PORTS_MAX - 1);
    assert_in_range(sim->sent[0], 4, 5);
    assert_true(loss_estimate(&slab_totals(sim->slab)->loss, 3, &estimate));
    assert_true(estimate.share < 0.03);
    sim_done_with(sim);
}

/* One try each, and this machine loses what it sends. */
static void make_eight_once(struct sim *sim)
{
    make_eight(sim, 1);
    sweep_destroy(sim->sweep);
    sim->options.retries = 0;
    open_sweep(sim);
}

static void what_this_machine_lost_is_sent_again(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t until_ns;
    uint32_t tainted;

    (void)state;
    make_eight_once(sim);
    until_ns = sim->now_ns + 50 * MS;
    while (sim->now_ns < until_ns) {
        step(sim, until_ns);
    }
    tainted = sweep_taint(sim->sweep);
    assert_in_range(tainted, 1, sim->handles);
    assert_int_equal(tainted, sweep_in_flight(sim->sweep));
    for (uint32_t host = 0; host < sim->hosts; host++) {
        sim->host[host].loss = 0;
    }
    while (!sweep_is_done(sim->sweep)) {
        step(sim, UINT64_MAX / 4);
    }
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        assert_int_equal(slab_answer(sim->slab, probe), sim->truth[probe]);
    }
    assert_int_equal(sim->total_sent, PROBES_MAX + tainted);
    assert_true(sweep_is_complete(sim->sweep));
    assert_int_equal(sweep_settled(sim->sweep), PROBES_MAX);
    sim_done_with(sim);
}

static void a_machine_that_keeps_losing_ends_all_the_same(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    make_eight_once(sim);
    while (!sweep_is_done(sim->sweep)) {
        sweep_taint(sim->sweep);
        step(sim, sim->now_ns + 100 * MS);
    }
    assert_true(sweep_is_complete(sim->sweep));
    assert_int_equal(sim->total_sent, (SWEEP_TAINTED_TRIES + 1) * PROBES_MAX);
    sim_done_with(sim);
}

/* What one slab has learnt of this machine's room holds for the next. */
static void begins_with_the_ceiling_of_the_one_before(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 13, false);
    sim_done_with(sim);
    sim->options.shard_count = 1;
    sim->options.shard_index = 0;
    sim->options.ceiling = 7;
    sim->options.host_rate = pacer_rate_of(0, 1);
    sim->rate = pacer_rate_of(0, 1);
    sim->hidden_room = UINT32_MAX;
    sim->handles = 20;
    sim->hosts = 1;
    sim->first_probes[1] = PORTS_MAX;
    memset(sim->truth, 0, sizeof(sim->truth));
    permutation_init(&sim->order, (const uint8_t[PERMUTATION_SEED_BYTES]){0}, 0, PORTS_MAX);
    assert_int_equal(slab_create(sim->first_probes, 1, &sim->slab), 0);
    open_sweep(sim);
    assert_int_equal(sweep_step(sim->sweep, (struct mono_time){sim->now_ns}), 0);
    assert_int_equal(sweep_in_flight(sim->sweep), 7);
    sim_done_with(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_probe_is_asked_and_ends, seed_say),
        cmocka_unit_test_teardown(suspended_and_resumed_it_asks_only_what_is_left, seed_say),
        cmocka_unit_test_teardown(without_faults_it_finds_the_truth, seed_say),
        cmocka_unit_test(starved_it_gives_up),
        cmocka_unit_test(starved_later_it_gives_up),
        cmocka_unit_test(believes_the_engine_about_time),
        cmocka_unit_test(a_host_that_stops_is_eased_off),
        cmocka_unit_test(nobody_is_not_eased_off),
        cmocka_unit_test(tries_follow_the_measured_loss),
        cmocka_unit_test(a_host_that_comes_up_is_no_loss),
        cmocka_unit_test(what_this_machine_lost_is_sent_again),
        cmocka_unit_test(a_machine_that_keeps_losing_ends_all_the_same),
        cmocka_unit_test(begins_with_the_ceiling_of_the_one_before),
        cmocka_unit_test(silent_hosts_do_not_take_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
