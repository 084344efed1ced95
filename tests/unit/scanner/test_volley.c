#include "scanner/raw/volley.h"

#include "tests/unit/scanner/simnet.h"

/* Each run draws its network, its faults and its order of events from one seed (seed.h); the invariants hold for all of
 * them. */

enum { HOSTS_MAX = 8, PORTS_MAX = 48 };

static struct sim sim_storage;

static void draw_host(struct sim *sim, struct sim_host *host)
{
    host->kind = (enum sim_kind)sim_below(sim, SIM_KINDS);
    host->rtt_ns = sim_chance(sim, 0.5) ? 50000 + sim_draw(sim) % SIM_MS : sim_draw(sim) % (300 * SIM_MS);
    host->jitter_ns = 1 + host->rtt_ns * sim_below(sim, 3) / 2;
    host->changes_ns = sim->now_ns + (sim_chance(sim, 0.5) ? sim_draw(sim) % (100 * SIM_MS) : sim_draw(sim) % SIM_S);
    host->bucket = (struct sim_bucket){.rate_pps = 100 + sim_below(sim, 5000), .burst = 1 + sim_below(sim, 20)};
}

static void draw_truth(struct sim *sim)
{
    static const enum probe_answer truths[] = {PROBE_NONE, PROBE_ICMP, PROBE_RST, PROBE_SYN_ACK};

    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        enum sim_kind kind = sim->host[sim_host_of(sim, probe)].kind;
        sim->truth[probe] = kind == SIM_SILENT                            ? PROBE_NONE
                            : kind == SIM_REJECTING || kind == SIM_ABSENT ? PROBE_ICMP
                                                                          : truths[sim_below(sim, 4)];
    }
}

static void draw_path(struct sim *sim)
{
    sim->loss = sim_chance(sim, 0.5) ? (double)sim_below(sim, 30) / 100 : 0;
    if (sim_chance(sim, 0.3)) {
        sim->to_bad = 0.01;
        sim->to_good = 0.1;
        sim->bad_loss = 0.9;
    }
    sim->duplicates = sim_chance(sim, 0.5) ? 0.3 : 0;
    sim->forged = sim_chance(sim, 0.5) ? 0.1 : 0;
    if (sim_chance(sim, 0.3)) {
        sim->policer = (struct sim_bucket){.rate_pps = 1000 + sim_below(sim, 20000), .burst = 1 + sim_below(sim, 50)};
    }
    sim->icmp = (struct sim_bucket){.rate_pps = 50 + sim_below(sim, 1000), .burst = 6};
    sim->ring_drops = sim_chance(sim, 0.2) ? 0.1 : 0;
    sim->refusals = sim_chance(sim, 0.3) ? 0.3 : 0;
    sim->late_ns = sim_chance(sim, 0.5) ? SIM_MS : 0;
}

/* A network of any kind. Sizes of hosts differ, and some are empty. */
static void draw_network(struct sim *sim, uint64_t seed)
{
    struct rate_options rate = {0};
    uint32_t hosts = 1 + (uint32_t)(seed % HOSTS_MAX);

    sim_init(sim, seed, hosts, PORTS_MAX);
    for (uint32_t i = 0; i < hosts; i++) {
        draw_host(sim, &sim->host[i]);
        sim->first_probes[i + 1] = sim->first_probes[i] + sim_below(sim, PORTS_MAX + 1);
    }
    sim->first_probes[hosts] += sim->first_probes[hosts] == 0 ? 1 : 0;
    sim->probes = sim->first_probes[hosts];
    draw_truth(sim);
    draw_path(sim);
    sim->senders = 1 + sim_below(sim, SIM_SENDERS_MAX);
    sim->options.shard_count = sim_chance(sim, 0.3) ? 1 + sim_below(sim, 4) : 1;
    sim->options.shard_index = sim_below(sim, sim->options.shard_count);
    sim->options.retries = sim_below(sim, 4);
    sim->options.host_rate = pacer_rate_of(sim_chance(sim, 0.3) ? 20 + sim_below(sim, 2000) : 0, 1 + sim_below(sim, 4));
    rate.ceiling_pps = sim_chance(sim, 0.3) ? 100 + sim_below(sim, 50000) : 0;
    rate.brakeless = sim_chance(sim, 0.1);
    sim_start(sim, &rate);
}

/* The slowest that may be: every probe in each of its tries at the slowest rate, and the time-outs. */
static uint64_t most_ns(const struct sim *sim)
{
    uint64_t slowest = sim->options.host_rate.interval_ns > 0 ? sim->options.host_rate.interval_ns : 0;

    slowest = slowest > SIM_S / 100 ? slowest : SIM_S / 100;
    return LOSS_PASSES_MAX * (sim->probes * slowest + 30 * SIM_S);
}

static void every_probe_is_asked_and_it_ends(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(1000);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        draw_network(&sim_storage, seed + i);
        sim_run(&sim_storage, most_ns(&sim_storage));
        sim_check_end(&sim_storage);
        sim_close(&sim_storage);
    }
}

static void suspended_and_resumed_it_asks_only_what_is_left(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(1000);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        struct sim *sim = &sim_storage;
        uint64_t stop_ns;
        uint64_t end_ns;
        draw_network(sim, seed + i);
        end_ns = sim->now_ns + most_ns(sim);
        stop_ns = sim->now_ns + sim_draw(sim) % (sim_chance(sim, 0.5) ? 30 * SIM_MS : 2 * SIM_S);
        while (!volley_is_done(sim->volley)) {
            sim_step(sim, stop_ns);
            assert_true(sim->now_ns < end_ns);
            if (sim->now_ns >= stop_ns && !volley_is_done(sim->volley)) {
                sim_suspend_and_resume(sim);
                stop_ns = sim_chance(sim, 0.5) ? sim->now_ns + sim_draw(sim) % SIM_S : UINT64_MAX / 4;
            }
        }
        sim_rest_senders(sim);
        sim_check_end(sim);
        sim_close(sim);
    }
}

/* A host that is first heard while it waits for its last time-out, when the others, which lose much, are asked once
 * more, takes part again in the round after. Stopped in the middle of that, it goes on with what the round has left. */
static void who_leaves_a_round_out_gets_each_of_its_tries(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(300);
    struct sim *sim = &sim_storage;

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t stop_ns;
        sim_init(sim, seed + i, 20, 20);
        sim->loss = 0.2;
        sim->host[0].kind = SIM_RISING;
        sim->host[0].rtt_ns = 70 * SIM_MS;
        sim->host[0].changes_ns = sim->now_ns + 300 * SIM_MS + sim_draw(sim) % (400 * SIM_MS);
        for (uint32_t probe = 0; probe < sim->probes; probe++) {
            sim->truth[probe] = probe % 2 == 0 ? PROBE_RST : PROBE_NONE;
        }
        sim_start(sim, &(struct rate_options){.ceiling_pps = 2000});
        stop_ns = sim->now_ns + 500 * SIM_MS + sim_draw(sim) % (1500 * SIM_MS);
        while (!volley_is_done(sim->volley) && sim->now_ns < stop_ns) {
            sim_step(sim, stop_ns);
        }
        if (!volley_is_done(sim->volley)) {
            sim_suspend_and_resume(sim);
        }
        sim_run(sim, 60 * SIM_S);
        sim_check_end(sim);
        sim_close(sim);
    }
}

/* A machine that slept, or was moved, or a process that was held: a while is missing in which nothing was sent, read or
 * judged, at times just as long as stamps of departure take to wrap. What a sender had drawn it sends or gives back
 * afterwards, when answers have been taken already. */
static void jump(struct sim *sim)
{
    uint64_t wrap_ns = (UINT64_C(1) << 31) * 1000;

    sim->now_ns += sim_chance(sim, 0.5) ? wrap_ns - 50 * SIM_S + sim_draw(sim) % (100 * SIM_S)
                                        : sim_draw(sim) % (sim_chance(sim, 0.5) ? SIM_S : 2 * wrap_ns);
    for (uint32_t i = 0; i < sim->senders; i++) {
        sim->sender[i].next_ns = sim->now_ns + sim_draw(sim) % SIM_S;
    }
}

/* Some sender holds probes of a later try, some of which this machine will refuse. */
static bool is_refusing_later_tries(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->senders; i++) {
        const struct sim_sender *sender = &sim->sender[i];
        if (sender->refused > 0 && sender->shots[sender->out - 1].try_number > 0) {
            return true;
        }
    }
    return false;
}

static void a_clock_that_jumps_breaks_nothing(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(500);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        struct sim *sim = &sim_storage;
        uint64_t jump_ns;
        draw_network(sim, seed + i);
        jump_ns = sim->now_ns + sim_draw(sim) % (sim_chance(sim, 0.5) ? 30 * SIM_MS : 2 * SIM_S);
        while (!volley_is_done(sim->volley) && sim->now_ns < jump_ns && !is_refusing_later_tries(sim)) {
            sim_step(sim, jump_ns);
        }
        jump(sim);
        sim_run(sim, most_ns(sim));
        sim_check_end(sim);
        sim_close(sim);
    }
}

static void without_faults_it_finds_the_truth_in_one_try(void **state)
{
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(200);
    struct sim *sim = &sim_storage;

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        sim_init(sim, seed + i, 1 + (uint32_t)(i % 64), 1 + (uint32_t)(i * 7 % 300));
        draw_truth(sim);
        sim_start(sim, &(struct rate_options){0});
        sim_run(sim, 20 * SIM_S);
        for (uint32_t probe = 0; probe < sim->probes; probe++) {
            assert_int_equal(slab_answer(sim->slab, probe), (enum probe_answer)sim->truth[probe]);
            assert_int_equal(sim->sent[probe], sim->truth[probe] == PROBE_NONE ? 3 : 1);
        }
        for (uint32_t host = 0; host < sim->hosts; host++) {
            assert_int_equal(sim->host[host].eased, 0);
        }
        sim_check_end(sim);
        sim_close(sim);
    }
}

/* Whatever the shards, each probe is sent by exactly one of them. */
static void shards_are_disjoint_and_whole(void **state)
{
    enum { HOSTS = 5, PORTS = 31 };
    struct sim *sim = &sim_storage;

    (void)state;
    for (uint32_t count = 1; count <= 9; count++) {
        uint32_t sent[HOSTS * PORTS] = {0};
        for (uint32_t index = 0; index < count; index++) {
            sim_init(sim, 77, HOSTS, PORTS);
            sim->options.shard_count = count;
            sim->options.shard_index = index;
            sim_start(sim, &(struct rate_options){0});
            sim_run(sim, 10 * SIM_S);
            sim_check_end(sim);
            for (uint32_t probe = 0; probe < sim->probes; probe++) {
                sent[probe] += sim->sent[probe];
            }
            sim_close(sim);
        }
        for (uint32_t probe = 0; probe < HOSTS * PORTS; probe++) {
            assert_int_equal(sent[probe], 1);
        }
    }
}

/* All answered, it ends with the last answer; silent addresses are waited for side by side. */
static void it_never_waits_for_nothing(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 5, 16, 1000);
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 10 * SIM_S);
    sim_check_end(sim);
    assert_true(sim->now_ns - sim->last_first_ns < 2 * SIM_MS);
    assert_true(sim->now_ns - sim->begun_ns < 100 * SIM_MS);
    sim_close(sim);

    /* One in a hundred is there: its silent neighbours are asked three times, far enough apart for a burst of loss, and
     * may take their time once. */
    sim_init(sim, 6, 20000, 2);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        if (host % 100 != 0) {
            memset(sim->truth + sim->first_probes[host], PROBE_NONE, 2);
        }
    }
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 10 * SIM_S);
    sim_check_end(sim);
    print_message("20,000 hosts, 200 of them there: %.0f ms, tries %.0f ms apart\n",
                  (double)(sim->now_ns - sim->begun_ns) / 1e6, (double)sim->least_gap_ns / 1e6);
    assert_true(sim->least_gap_ns > 90 * SIM_MS);
    assert_true(sim->now_ns - sim->last_first_ns >= 300 * SIM_MS);
    assert_true(sim->now_ns - sim->begun_ns < 650 * SIM_MS);
    sim_close(sim);
}

/* Who is as far away as the slowest of its neighbours is heard in its last try. */
static void the_slowest_is_waited_for(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 8, 40, 3);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        sim->host[host].rtt_ns = host % 2 == 0 ? SIM_MS : 250 * SIM_MS;
    }
    sim->host[7].kind = SIM_RISING;
    sim_start(sim, &(struct rate_options){0});
    sim->host[7].changes_ns = UINT64_MAX;
    while (!volley_is_done(sim->volley)) {
        sim_step(sim, UINT64_MAX / 4);
        if (slab_host(sim->slab, 7)->pass == 2) {
            sim->host[7].changes_ns = 0;
        }
    }
    sim_rest_senders(sim);
    sim_check_end(sim);
    assert_true(slab_host(sim->slab, 7)->heard);
    sim_close(sim);
}

static void tries_follow_the_measured_loss(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    for (int lossy = 0; lossy < 2; lossy++) {
        sim_init(sim, 12, 8, 48);
        sim->loss = lossy ? 0.17 : 0; /* each way: 0.31 in all */
        memset(sim->truth, PROBE_NONE, 5);
        sim_start(sim, &(struct rate_options){0});
        sim_run(sim, 60 * SIM_S);
        sim_check_end(sim);
        /* 379 × 0.31^n < 0.01 from n = 9 on; three tries would have missed a dozen. */
        assert_in_range(sim->sent[0], lossy ? 9 : 3, lossy ? 15 : 3);
        for (uint32_t probe = 5; probe < sim->probes; probe++) {
            assert_int_equal(slab_answer(sim->slab, probe), PROBE_RST);
        }
        sim_close(sim);
    }
}

/* It gets as many tries as the others, from when it is there, and what it was silent in is no loss. */
static void a_host_that_comes_up_is_no_loss(void **state)
{
    struct sim *sim = &sim_storage;
    struct loss_estimate estimate;

    (void)state;
    sim_init(sim, 13, 8, 48);
    sim->host[0].kind = SIM_RISING;
    sim->host[0].changes_ns = sim->now_ns + 300 * SIM_MS;
    sim->truth[0] = PROBE_NONE;
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 60 * SIM_S);
    sim_check_end(sim);
    assert_int_equal(slab_host(sim->slab, 0)->counts[PROBE_RST], 47);
    assert_in_range(sim->sent[0], 4, 5);
    assert_true(loss_estimate(&slab_totals(sim->slab)->loss, 3, &estimate));
    assert_true(estimate.share < 0.03);
    sim_close(sim);
}

/* Far away, the answer to a first try that comes just after the second has left is no loss. */
static void a_late_answer_is_no_loss(void **state)
{
    struct sim *sim = &sim_storage;
    struct sweep_answer held[4];
    uint32_t count = 0;

    (void)state;
    sim_init(sim, 14, 4, 500);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        sim->host[host].rtt_ns = 80 * SIM_MS;
        sim->host[host].jitter_ns = SIM_MS;
    }
    sim_start(sim, &(struct rate_options){0});
    while (!volley_is_done(sim->volley)) {
        sim_step(sim, UINT64_MAX / 4);
        if (count < 4 && sim->flying_count > 0 && sim->flying[0].answer.probe % 500 == 7) {
            held[count++] = sim_land(sim).answer;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (sim->sent[held[i].probe] == 2 && sim->heard[held[i].probe] == PROBE_NONE) {
                sim->heard[held[i].probe] = (uint8_t)held[i].answer;
                volley_take(sim->volley, &held[i], 1, (struct mono_time){sim->now_ns + SIM_MS});
            }
        }
    }
    sim_rest_senders(sim);
    sim_check_end(sim);
    assert_int_equal(count, 4);
    assert_int_equal(sim->total_sent, 2004);
    assert_int_equal(slab_totals(sim->slab)->loss.answers[0], 2000);
    sim_close(sim);
}

static void a_host_that_dies_is_not_hammered(void **state)
{
    struct sim *sim = &sim_storage;
    uint32_t early;

    (void)state;
    sim_init(sim, 15, 16, 20000);
    sim->options.retries = 1;
    sim->host[3].kind = SIM_DYING;
    sim->host[3].changes_ns = sim->now_ns + 300 * SIM_MS;
    sim_start(sim, &(struct rate_options){.ceiling_pps = 200000});
    while (sim->now_ns < sim->begun_ns + 1500 * SIM_MS) {
        sim_step(sim, sim->begun_ns + 1500 * SIM_MS);
    }
    early = sim->host[3].sent_eased;
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].eased, host == 3 ? 1 : 0);
    }
    /* 12,500 a second before; the others went on at full rate. */
    assert_true(early < 2000);
    assert_true(sim->first_sent > 250000);
    sim_run(sim, 100 * SIM_S);
    sim_check_end(sim);
    print_message("a host that dies with most of 20,000 ports left: %.1f s\n",
                  (double)(sim->now_ns - sim->begun_ns) / 1e9);
    assert_true(sim->now_ns - sim->begun_ns < 10 * SIM_S);
    sim_close(sim);
}

/* One port in fifty answers, so that no single window shows that the host has died. */
static void who_answers_seldom_is_missed_all_the_same(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 19, 16, 20000);
    sim->options.retries = 1;
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        sim->truth[probe] = sim_below(sim, 50) == 0 ? PROBE_RST : PROBE_NONE;
    }
    sim->host[3].kind = SIM_DYING;
    sim->host[3].changes_ns = sim->now_ns + 400 * SIM_MS;
    sim_start(sim, &(struct rate_options){.ceiling_pps = 200000});
    sim_run(sim, 100 * SIM_S);
    sim_check_end(sim);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].eased, host == 3 ? 1 : 0);
    }
    assert_true(sim->now_ns - sim->begun_ns < 15 * SIM_S);
    sim_close(sim);
}

/* Silent for longer than it takes to be thought gone, and back again: nothing is lost. */
static void who_comes_back_is_found_whole(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t begun;

    (void)state;
    sim_init(sim, 20, 16, 20000);
    sim->options.retries = 1;
    begun = sim->now_ns;
    sim_start(sim, &(struct rate_options){.ceiling_pps = 200000});
    while (!volley_is_done(sim->volley)) {
        bool away = sim->now_ns > begun + 300 * SIM_MS && sim->now_ns < begun + 3 * SIM_S;
        sim->host[3].kind = away ? SIM_SILENT : SIM_LIMITED;
        sim->host[3].bucket.rate_pps = 5000;
        sim->host[3].bucket.burst = 50;
        sim_step(sim, UINT64_MAX / 4);
    }
    sim_rest_senders(sim);
    sim_check_end(sim);
    assert_int_equal(slab_host(sim->slab, 3)->counts[PROBE_RST], 20000);
    print_message("a host of 5,000/s that is away for 2.7 s: %.1f s\n", (double)(sim->now_ns - sim->begun_ns) / 1e9);
    sim_close(sim);
}

/* Answers 2,000 a second and no more, among others that answer everything: eased off, and found all the same. */
static void a_limited_host_is_found_whole(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    /* So many others that the slab's loss by itself asks for no more than the plan's two tries. */
    sim_init(sim, 16, 64, 5000);
    sim->options.retries = 1;
    sim->host[5].kind = SIM_LIMITED;
    sim->host[5].bucket = (struct sim_bucket){.rate_pps = 2000, .burst = 50};
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 200 * SIM_S);
    sim_check_end(sim);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(slab_host(sim->slab, host)->counts[PROBE_RST], 5000);
        assert_int_equal(sim->host[host].eased, host == 5 ? 1 : 0);
    }
    print_message("a host of 2,000/s: %.1f s, %.2f probes a port\n", (double)(sim->now_ns - sim->begun_ns) / 1e9,
                  (double)(sim->total_sent - 63 * 5000) / 5000);
    sim_close(sim);
}

/* What a host bears is known to the process that goes on. */
static void who_was_eased_off_stays_so_when_resumed(void **state)
{
    struct sim *sim = &sim_storage;
    uint32_t limit_ns;

    (void)state;
    sim_init(sim, 23, 64, 5000);
    sim->options.retries = 1;
    sim->host[5].kind = SIM_LIMITED;
    sim->host[5].bucket = (struct sim_bucket){.rate_pps = 2000, .burst = 50};
    sim_start(sim, &(struct rate_options){0});
    while (sim->host[5].eased == 0) {
        sim_step(sim, UINT64_MAX / 4);
    }
    sim_suspend_and_resume(sim);
    limit_ns = slab_host(sim->slab, 5)->ceiling;
    assert_true(limit_ns > 100000);
    assert_int_equal(slab_host(sim->slab, 4)->ceiling, 0);
    sim_tick(sim);
    assert_int_equal(sim->host[5].eased, 1);
    sim_run(sim, 200 * SIM_S);
    sim_check_end(sim);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(slab_host(sim->slab, host)->counts[PROBE_RST], 5000);
        assert_int_equal(sim->host[host].eased, host == 5 ? 1 : 0);
    }
    sim_close(sim);
}

/* Two answers a second among others that lose nothing: it is asked again as long as that brings any. */
static void the_slowest_host_is_asked_as_long_as_it_answers(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 22, 64, 500);
    sim->options.retries = 1;
    sim->host[5].kind = SIM_LIMITED;
    sim->host[5].bucket = (struct sim_bucket){.rate_pps = 2, .burst = 20};
    sim_start(sim, &(struct rate_options){.ceiling_pps = 20000});
    sim_run(sim, 1000 * SIM_S);
    sim_check_end(sim);
    print_message("a host of 2/s: %u of 500 in %.0f s\n", slab_host(sim->slab, 5)->counts[PROBE_RST],
                  (double)(sim->now_ns - sim->begun_ns) / 1e9);
    assert_int_equal(slab_host(sim->slab, 5)->counts[PROBE_RST], 500);
    sim_close(sim);
}

static void nobody_is_not_eased_off(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    sim_init(sim, 17, 4, 2000);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        sim->host[host].kind = SIM_ABSENT;
    }
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        sim->truth[probe] = probe % 2 == 0 ? PROBE_ICMP : PROBE_NONE;
    }
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 100 * SIM_S);
    sim_check_end(sim);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].eased, 0);
        assert_false(slab_host(sim->slab, host)->heard);
        assert_false(slab_host(sim->slab, host)->rtt.measured);
    }
    sim_close(sim);
}

/* Hosts of many sizes below their ceiling keep each other from nothing. */
static void a_ceiling_of_hosts_is_used_and_kept(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t took;

    (void)state;
    sim_init(sim, 18, 40, 500);
    sim->options.host_rate = pacer_rate_of(1000, 1);
    sim_start(sim, &(struct rate_options){0});
    sim_run(sim, 20 * SIM_S);
    sim_check_end(sim);
    took = sim->now_ns - sim->begun_ns;
    /* 500 ms and what the common slow start takes; each departure was checked as it left. */
    assert_true(took >= 499 * SIM_MS && took < 700 * SIM_MS);
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].eased, 0);
    }
    sim_close(sim);
}

/* The interval of what was missed, and of the share that is lost, cover the truth as often as they say. */
static void the_interval_of_what_was_missed_covers_the_truth(void **state)
{
    static const double losses[] = {0.001, 0.01, 0.05};
    struct sim *sim = &sim_storage;
    uint64_t seed = seed_first();

    (void)state;
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        uint32_t covered = 0;
        uint32_t share_covered = 0;
        double truth_share = 1 - (1 - losses[i]) * (1 - losses[i]);
        for (uint32_t run = 0; run < 1000; run++) {
            struct loss_estimate share;
            struct loss_missed missed;
            uint32_t found = 0;
            uint32_t open = 0;
            sim_init(sim, seed + run, 8, 100);
            sim->loss = losses[i];
            sim->options.retries = 1;
            for (uint32_t probe = 0; probe < sim->probes; probe++) {
                sim->truth[probe] = probe % 4 == 0 ? PROBE_SYN_ACK : probe % 4 == 1 ? PROBE_NONE : PROBE_RST;
            }
            sim_start(sim, &(struct rate_options){0});
            sim_run(sim, 60 * SIM_S);
            sim_check_end(sim);
            for (uint32_t probe = 0; probe < sim->probes; probe++) {
                open += sim->truth[probe] == PROBE_SYN_ACK ? 1 : 0;
                found += slab_answer(sim->slab, probe) == PROBE_SYN_ACK ? 1 : 0;
            }
            assert_true(loss_estimate(&slab_totals(sim->slab)->loss, 2, &share));
            missed = loss_missed(&share, &slab_totals(sim->slab)->loss, 2, found);
            covered += open - found >= missed.low && open - found <= missed.high ? 1 : 0;
            share_covered += share.share_low <= truth_share && truth_share <= share.share_high ? 1 : 0;
            sim_close(sim);
        }
        print_message("loss %.3f each way: missed covered %u, share covered %u of 1000\n", losses[i], covered,
                      share_covered);
        assert_true(covered >= 900);
        assert_true(share_covered >= 900);
    }
}

static long resident_pages(void)
{
    char line[128] = "";
    FILE *status = fopen("/proc/self/statm", "r");
    char *resident;

    assert_non_null(status);
    assert_non_null(fgets(line, sizeof(line), status));
    fclose(status);
    (void)strtol(line, &resident, 10);
    return strtol(resident, NULL, 10);
}

/* All of it, touched: the limit that is promised for the largest slab that a plan may ask for. */
static void bookkeeping_fits_its_memory(void **state)
{
    enum { HOSTS = 1 << 16, PROBES = 1 << 22 };
    uint32_t *first = calloc(HOSTS + 1, sizeof(*first));
    struct sim *sim = &sim_storage;
    long before;

    (void)state;
    assert_non_null(first);
    sim_init(sim, 21, 1, 1);
    free(sim->first_probes);
    for (uint32_t host = 0; host <= HOSTS; host++) {
        first[host] = host * (PROBES / HOSTS);
    }
    sim->first_probes = first;
    sim->hosts = HOSTS;
    sim->probes = PROBES;
    before = resident_pages();
    sim_start(sim, &(struct rate_options){.brakeless = true});
    volley_tick(sim->volley, (struct mono_time){sim->now_ns});
    for (uint32_t drawn = 0; drawn < PROBES;) {
        struct volley_shot shots[VOLLEY_BATCH];
        uint32_t count = volley_draw(sim->volley, 0, (struct mono_time){sim->now_ns}, shots, VOLLEY_BATCH);
        assert_true(count > 0);
        volley_sent(sim->volley, 0, (struct mono_time){sim->now_ns}, shots, count);
        drawn += count;
    }
    for (uint32_t probe = 0; probe < PROBES; probe += 2) {
        struct sweep_answer answer = {
            .probe = probe, .answer = PROBE_RST, .reason = REASON_CONN_REFUSED, .from_host = true};
        volley_take(sim->volley, &answer, 1, (struct mono_time){sim->now_ns + SIM_MS});
    }
    print_message("2^22 probes of 2^16 hosts: %.1f MiB\n", (double)(resident_pages() - before) * 4096 / 1048576);
    assert_true((resident_pages() - before) * 4096 < 48L * 1048576);
    sim_close(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_probe_is_asked_and_it_ends, seed_say),
        cmocka_unit_test_teardown(suspended_and_resumed_it_asks_only_what_is_left, seed_say),
        cmocka_unit_test_teardown(who_leaves_a_round_out_gets_each_of_its_tries, seed_say),
        cmocka_unit_test_teardown(a_clock_that_jumps_breaks_nothing, seed_say),
        cmocka_unit_test_teardown(without_faults_it_finds_the_truth_in_one_try, seed_say),
        cmocka_unit_test(shards_are_disjoint_and_whole),
        cmocka_unit_test(it_never_waits_for_nothing),
        cmocka_unit_test(the_slowest_is_waited_for),
        cmocka_unit_test(tries_follow_the_measured_loss),
        cmocka_unit_test(a_host_that_comes_up_is_no_loss),
        cmocka_unit_test(a_late_answer_is_no_loss),
        cmocka_unit_test(a_host_that_dies_is_not_hammered),
        cmocka_unit_test(who_answers_seldom_is_missed_all_the_same),
        cmocka_unit_test(who_comes_back_is_found_whole),
        cmocka_unit_test(a_limited_host_is_found_whole),
        cmocka_unit_test(who_was_eased_off_stays_so_when_resumed),
        cmocka_unit_test(the_slowest_host_is_asked_as_long_as_it_answers),
        cmocka_unit_test(nobody_is_not_eased_off),
        cmocka_unit_test(a_ceiling_of_hosts_is_used_and_kept),
        cmocka_unit_test_teardown(the_interval_of_what_was_missed_covers_the_truth, seed_say),
        cmocka_unit_test(bookkeeping_fits_its_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
