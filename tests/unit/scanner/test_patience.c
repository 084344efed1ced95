#include "scanner/raw/patience.h"
#include "tests/unit/alloc_countdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum { PORTS_MOST = 3000, FLYING_MOST = 4096 };

/* A host that sends at most `burst` errors at once and then one every `interval_ns`, as Linux's inet_peer_xrlim_allow()
 * counts: what is refused costs nothing. Interval 0: no limit. */
struct model {
    uint32_t ports;
    uint32_t silent_every; /* each so-manieth port is silent for good; 1: all but the first */
    uint64_t interval_ns;
    uint32_t burst;
    double loss; /* each way */
    uint64_t rtt_ns;
    uint64_t host_gap_ns;
    uint32_t most_s;
};

struct flight {
    uint64_t at_ns;
    struct sweep_answer answer;
};

struct sim {
    const struct model *model;
    struct slab *slab;
    struct patience *patience;
    uint64_t random;
    uint64_t now_ns;
    uint64_t credit_ns;
    uint64_t credit_at_ns;
    uint64_t last_sent_ns;
    uint64_t control_ns;
    struct flight flying[FLYING_MOST];
    size_t flying_count;
    uint32_t done;
    uint32_t limited;
    uint32_t undecided;
    double told_per_s;
};

/* splitmix64 (Steele, Lea & Flood 2014). */
static uint64_t draw(struct sim *sim)
{
    uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool is_lost(struct sim *sim)
{
    return (double)(draw(sim) >> 11) / 9007199254740992.0 < sim->model->loss;
}

static bool is_silent_port(const struct model *model, uint32_t probe)
{
    if (model->silent_every == 1) {
        return probe != 0;
    }
    return model->silent_every > 0 && probe % model->silent_every == 1;
}

static bool has_credit(struct sim *sim)
{
    uint64_t most = sim->model->interval_ns * sim->model->burst;

    sim->credit_ns += sim->now_ns - sim->credit_at_ns;
    sim->credit_at_ns = sim->now_ns;
    sim->credit_ns = sim->credit_ns < most ? sim->credit_ns : most;
    if (sim->credit_ns < sim->model->interval_ns) {
        return false;
    }
    sim->credit_ns -= sim->model->interval_ns;
    return true;
}

static void arrive(struct sim *sim, const struct patience_shot *shot)
{
    if (is_lost(sim) || is_silent_port(sim->model, shot->probe) || !has_credit(sim) || is_lost(sim)) {
        return;
    }
    assert_true(sim->flying_count < FLYING_MOST);
    sim->flying[sim->flying_count++] = (struct flight){.at_ns = sim->now_ns + sim->model->rtt_ns,
                                                       .answer = {.probe = shot->probe,
                                                                  .answer = PROBE_RST,
                                                                  .reason = REASON_PORT_UNREACH,
                                                                  .from_host = true,
                                                                  .try_number = shot->try_number}};
}

/* In the order in which they left: the delay is one for all. */
static void land(struct sim *sim)
{
    size_t landed = 0;

    while (landed < sim->flying_count && sim->flying[landed].at_ns <= sim->now_ns) {
        patience_take(sim->patience, &sim->flying[landed].answer, (struct mono_time){sim->now_ns});
        landed++;
    }
    memmove(sim->flying, sim->flying + landed, (sim->flying_count - landed) * sizeof(*sim->flying));
    sim->flying_count -= landed;
}

static void send_due(struct sim *sim)
{
    struct patience_shot shot;

    while (patience_next(sim->patience, (struct mono_time){sim->now_ns}, &shot)) {
        assert_true(shot.probe < sim->model->ports && shot.try_number < LOSS_PASSES_MAX);
        assert_true(sim->last_sent_ns == 0 || sim->now_ns - sim->last_sent_ns >= sim->model->host_gap_ns);
        sim->last_sent_ns = sim->now_ns;
        arrive(sim, &shot);
    }
}

static void on_done(void *context, uint32_t host)
{
    struct sim *sim = context;

    assert_int_equal(host, 0);
    assert_true(slab_host(sim->slab, 0)->done);
    sim->done++;
}

static void on_limited(void *context, uint32_t host, double errors_per_s, uint32_t silent)
{
    struct sim *sim = context;

    assert_true(host == 0 && errors_per_s > 0 && silent > 0);
    sim->told_per_s = errors_per_s;
    sim->limited++;
}

static void on_undecided(void *context, uint32_t host, uint32_t silent)
{
    struct sim *sim = context;

    assert_true(host == 0 && sim->done == 0);
    sim->undecided += silent;
}

static void on_open(void *context, const struct sweep_found *found)
{
    (void)context;
    (void)found;
    fail();
}

/* One host whose first port is known to be closed; the volley's passes used up its errors. */
static void begin(struct sim *sim, const struct model *model, uint64_t seed)
{
    uint32_t first_probes[2] = {0, model->ports};
    struct patience_options options = {.tries = 3,
                                       .most_s = model->most_s > 0 ? model->most_s : PATIENCE_MOST_S,
                                       .rate = pacer_rate_of(PATIENCE_RATE_PPS, 1),
                                       .host_rate = {.interval_ns = model->host_gap_ns},
                                       .listener = {{on_open, on_done, NULL, sim}, on_limited, on_undecided, sim}};

    *sim = (struct sim){.model = model, .random = seed, .now_ns = S, .credit_at_ns = S};
    assert_int_equal(slab_create(first_probes, 1, &sim->slab), 0);
    slab_expect_limits(sim->slab);
    for (uint32_t probe = 0; probe < model->ports; probe++) {
        slab_set_tried(sim->slab, probe, true);
    }
    slab_host(sim->slab, 0)->pass = 2;
    slab_upgrade(sim->slab, 0, PROBE_RST, REASON_PORT_UNREACH);
    rtt_sample(&slab_host(sim->slab, 0)->rtt, (uint32_t)(model->rtt_ns / 1000));
    slab_host(sim->slab, 0)->done = true;
    options.slab = sim->slab;
    sim->patience = patience_create(&options);
    assert_non_null(sim->patience);
    assert_true(patience_suits(sim->slab, 0));
    assert_int_equal(patience_add(sim->patience, 0, (struct mono_time){sim->now_ns}), 0);
    assert_int_equal(patience_left(sim->patience), model->ports - 1);
}

static void run(struct sim *sim)
{
    for (uint64_t steps = 0; !patience_is_done(sim->patience); steps++) {
        uint64_t next;
        land(sim);
        send_due(sim);
        next = patience_wakeup(sim->patience).ns;
        if (sim->flying_count > 0 && sim->flying[0].at_ns < next) {
            next = sim->flying[0].at_ns;
        }
        assert_true(patience_is_done(sim->patience) || (next != UINT64_MAX && steps < 10000000));
        sim->now_ns = next > sim->now_ns && next != UINT64_MAX ? next : sim->now_ns;
    }
    assert_int_equal(sim->done, 1);
    assert_int_equal(patience_left(sim->patience), 0);
}

static void end(struct sim *sim)
{
    patience_destroy(sim->patience);
    slab_destroy(sim->slab);
}

/* How many closed ports were left silent; a silent one must never be closed. */
static uint32_t count_missed(const struct sim *sim)
{
    uint32_t missed = 0;

    for (uint32_t probe = 0; probe < sim->model->ports; probe++) {
        bool closed = slab_answer(sim->slab, probe) == PROBE_RST;
        assert_false(closed && is_silent_port(sim->model, probe));
        missed += !closed && !is_silent_port(sim->model, probe) ? 1 : 0;
    }
    return missed;
}

static double seconds(const struct sim *sim)
{
    return (double)(sim->now_ns - S) / (double)S;
}

static void decides_a_thousand_ports_of_linux_in_time(void **state)
{
    static const struct model models[] = {
        {.ports = 1000, .interval_ns = S, .burst = 6, .rtt_ns = 2 * MS},
        {.ports = 1000, .interval_ns = S, .burst = 6, .rtt_ns = 200 * MS},
        {.ports = 1000, .silent_every = 10, .interval_ns = S, .burst = 6, .rtt_ns = 20 * MS},
    };
    static struct sim sim;
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            begin(&sim, &models[i], seed);
            run(&sim);
            assert_int_equal(count_missed(&sim), 0);
            assert_int_equal(sim.undecided, 0);
            assert_int_equal(sim.limited, 1);
            assert_true(sim.told_per_s > 0.4 && sim.told_per_s < 1.6);
            /* The limit alone takes 1,000 s. */
            assert_true(seconds(&sim) < 1100);
            end(&sim);
        }
    }
}

static void learns_any_pace(void **state)
{
    static const uint64_t intervals[] = {100000, MS, 5 * MS, 20 * MS, 100 * MS, 500 * MS, 2 * S};
    static struct sim sim;
    (void)state;
    for (size_t i = 0; i < sizeof(intervals) / sizeof(*intervals); i++) {
        for (uint32_t burst = 1; burst <= 64; burst *= 8) {
            struct model model = {
                .ports = 400, .silent_every = 20, .interval_ns = intervals[i], .burst = burst, .rtt_ns = 5 * MS};
            double least = 380 * (double)intervals[i] / (double)S;
            begin(&sim, &model, i * 100 + burst);
            run(&sim);
            assert_int_equal(count_missed(&sim), 0);
            assert_int_equal(sim.undecided, 0);
            if (seconds(&sim) > 1.4 * least + 12) {
                fail_msg("an error every %.1f ms, %u at once: %.1f s where %.1f s would do", (double)intervals[i] / 1e6,
                         burst, seconds(&sim), least);
            }
            end(&sim);
        }
    }
}

/* A firewall before the host drops much: silence costs no errors but the controls'. */
static void is_quick_where_much_is_silent(void **state)
{
    static const struct model models[] = {
        {.ports = 3000, .silent_every = 1, .interval_ns = S, .burst = 6, .rtt_ns = 10 * MS},
        {.ports = 3000, .silent_every = 2, .interval_ns = 10 * MS, .burst = 6, .rtt_ns = 10 * MS},
    };
    static const double most_s[] = {170, 100};
    static struct sim sim;
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        begin(&sim, &models[i], i);
        run(&sim);
        assert_int_equal(count_missed(&sim), 0);
        assert_int_equal(sim.undecided, 0);
        assert_true(seconds(&sim) < most_s[i]);
        end(&sim);
    }
}

static void bears_loss(void **state)
{
    struct model model = {
        .ports = 300, .silent_every = 5, .interval_ns = 50 * MS, .burst = 6, .loss = 0.05, .rtt_ns = 10 * MS};
    static struct sim sim;
    uint32_t missed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin(&sim, &model, seed);
        run(&sim);
        assert_int_equal(sim.undecided, 0);
        assert_true(seconds(&sim) < 60);
        missed += count_missed(&sim);
        end(&sim);
    }
    /* Each of three tries that count is lost with 1 - 0.95²: 0.1 % of 24,000, at four sigmas. */
    assert_in_range(missed, 0, 42);
}

static void ends_in_time_and_says_what_is_open(void **state)
{
    struct model model = {.ports = 1000, .interval_ns = S, .burst = 6, .rtt_ns = 2 * MS, .most_s = 60};
    static struct sim sim;
    (void)state;
    begin(&sim, &model, 1);
    run(&sim);
    assert_true(seconds(&sim) < 70);
    assert_true(sim.undecided > 900 && sim.undecided == count_missed(&sim));
    end(&sim);
}

static void keeps_the_host_s_ceiling(void **state)
{
    struct model model = {
        .ports = 100, .silent_every = 3, .interval_ns = 20 * MS, .burst = 6, .rtt_ns = 2 * MS, .host_gap_ns = 50 * MS};
    static struct sim sim;
    (void)state;
    begin(&sim, &model, 1);
    run(&sim);
    assert_int_equal(count_missed(&sim), 0);
    end(&sim);
}

static int take_up(void)
{
    static const uint32_t first_probes[2] = {0, 4};
    struct patience_options options = {.tries = 1, .most_s = 1};
    struct patience *patience = NULL;
    int rc = slab_create(first_probes, 1, &options.slab);

    if (rc < 0) {
        return rc;
    }
    for (uint32_t probe = 0; probe < 4; probe++) {
        slab_set_tried(options.slab, probe, true);
    }
    slab_upgrade(options.slab, 1, PROBE_RST, REASON_PORT_UNREACH);
    patience = patience_create(&options);
    rc = patience == NULL ? -ENOMEM : patience_add(patience, 0, (struct mono_time){1});
    assert_int_equal(rc, alloc_failed ? -ENOMEM : 0);
    patience_destroy(patience);
    slab_destroy(options.slab);
    return rc;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_true(alloc_count_down(take_up) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_a_thousand_ports_of_linux_in_time),
        cmocka_unit_test(learns_any_pace),
        cmocka_unit_test(is_quick_where_much_is_silent),
        cmocka_unit_test(bears_loss),
        cmocka_unit_test(ends_in_time_and_says_what_is_open),
        cmocka_unit_test(keeps_the_host_s_ceiling),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
