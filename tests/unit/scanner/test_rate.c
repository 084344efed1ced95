#include "scanner/raw/rate.h"

#include "tests/unit/scanner/simnet.h"

/* The closed loop over a simulated network. */

static struct sim sim_storage;

/* What passed through a run, by stretches of the virtual time. */
struct run {
    double mean_pps; /* of first tries, from `from_ns` on */
    double seconds;
};

static struct run run_from(struct sim *sim, uint64_t from_ns)
{
    uint64_t begun = sim->begun_ns + from_ns;
    uint64_t before = 0;
    uint64_t ended = 0;
    uint64_t sent = 0;

    while (!volley_is_done(sim->volley)) {
        sim_step(sim, UINT64_MAX / 4);
        assert_true(sim->now_ns < sim->begun_ns + 500 * SIM_S);
        before = sim->now_ns < begun ? sim->first_sent : before;
        if (sim->first_sent > sent) {
            sent = sim->first_sent;
            ended = sim->now_ns;
        }
    }
    sim_rest_senders(sim);
    sim_check_end(sim);
    return (struct run){.mean_pps = (double)(sent - before) * 1e9 / (double)(ended - begun),
                        .seconds = (double)(sim->now_ns - sim->begun_ns) / 1e9};
}

static void all_were_found(const struct sim *sim)
{
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        assert_int_equal(slab_answer(sim->slab, probe), (enum probe_answer)sim->truth[probe]);
    }
}

/* nft's `limit rate over 50000/second drop`, with its bucket of five: found, held, and nothing missed. */
static void a_policer_is_found_and_held(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    for (int late = 0; late < 2; late++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct run run;
            sim_init(sim, seed, 64, 3000);
            sim->policer = (struct sim_bucket){.rate_pps = 50000, .burst = 5};
            sim->late_ns = late ? 100000 : 0;
            sim_start(sim, &(struct rate_options){0});
            run = run_from(sim, 500 * SIM_MS);
            print_message("policer of 50,000/s: %.0f/s, %.1f s\n", run.mean_pps, run.seconds);
            all_were_found(sim);
            assert_true(run.mean_pps > 40000 && run.mean_pps < 60000);
            for (uint32_t host = 0; host < sim->hosts; host++) {
                assert_int_equal(sim->host[host].eased, 0);
            }
            sim_close(sim);
        }
    }
}

/* Loss that is there at any rate is none of the rate's business. */
static void loss_at_any_rate_does_not_slow_down(void **state)
{
    static const double losses[] = {0, 0.005, 0.025, 0.05};
    struct sim *sim = &sim_storage;
    double clean = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct run run;
            sim_init(sim, seed, 256, 1000);
            sim->loss = losses[i];
            sim_start(sim, &(struct rate_options){0});
            run = run_from(sim, 0);
            all_were_found(sim);
            assert_int_equal(rate_figures(sim->rate).lost_here, 0);
            clean = i == 0 && run.mean_pps > clean ? run.mean_pps : clean;
            if (seed == 1) {
                print_message("loss of %.3f each way: %.0f/s\n", losses[i], run.mean_pps);
            }
            assert_true(run.mean_pps > 0.8 * clean);
            sim_close(sim);
        }
    }
}

/* A host in sixteen dies: what it does not answer any more does not slow down the others. */
static void a_host_that_dies_does_not_slow_down(void **state)
{
    struct sim *sim = &sim_storage;
    struct run run;

    (void)state;
    sim_init(sim, 3, 16, 20000);
    sim->options.retries = 0;
    sim->host[3].kind = SIM_DYING;
    sim->host[3].changes_ns = sim->now_ns + 200 * SIM_MS;
    sim_start(sim, &(struct rate_options){.ceiling_pps = 300000});
    while (sim->now_ns < sim->begun_ns + 1100 * SIM_MS) {
        sim_step(sim, sim->begun_ns + 1100 * SIM_MS);
    }
    assert_true(sim->first_sent > 270000);
    run = run_from(sim, 0);
    assert_true(run.seconds < 30);
    sim_close(sim);
}

/* All that is in the air comes in 50 ms later, less a hundred. */
static void stand_still(struct sim *sim)
{
    for (int i = 0; i < 100 && sim->flying_count > 0; i++) {
        (void)sim_land(sim);
        sim->lost_here++;
    }
    for (size_t i = 0; i < sim->flying_count; i++) {
        sim->flying[i].at_ns += 50 * SIM_MS;
    }
    sim->stall_until_ns = sim->now_ns + 50 * SIM_MS;
}

/* A machine that stands still for 50 ms now and then, and loses a hundred answers at a time: throughput is back within
 * 200 ms, and no host is blamed. */
static void a_busy_machine_recovers(void **state)
{
    struct sim *sim = &sim_storage;

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        uint64_t next = 0;
        uint64_t after = 0;
        uint64_t sent_before = 0;
        uint64_t checks = 0;
        sim_init(sim, seed, 64, 16000);
        sim->sender_ns = 8000; /* two senders: 250,000/s */
        sim_start(sim, &(struct rate_options){0});
        next = sim->now_ns + 300 * SIM_MS;
        while (!volley_is_done(sim->volley) && sim->first_sent < 900000) {
            sim_step(sim, next);
            if (sim->now_ns >= next && after == 0) {
                stand_still(sim);
                next = sim->now_ns + 200 * SIM_MS;
                after = 1;
            } else if (sim->now_ns >= next && after == 1) {
                sent_before = sim->first_sent;
                next = sim->now_ns + 100 * SIM_MS;
                after = 2;
            } else if (sim->now_ns >= next) {
                /* 25,000 in 100 ms at full rate. */
                assert_true(sim->first_sent - sent_before > 20000);
                checks++;
                after = 0;
            }
        }
        assert_true(checks >= 5);
        for (uint32_t host = 0; host < sim->hosts; host++) {
            assert_int_equal(sim->host[host].eased, 0);
        }
        sim_run(sim, 100 * SIM_S);
        sim_check_end(sim);
        sim_close(sim);
    }
}

/* One window of 25 ms at the rate that is set, of which senders reach a part and so many of a thousand are answered. */
static void hear(struct rate *rate, struct mono_time *now, double reach, uint64_t answered_of_1000)
{
    uint64_t sent = (uint64_t)((double)rate_pps(rate) * reach / 40);
    struct rate_window window = {
        .sent = sent, .answered = sent * answered_of_1000 / 1000, .span_ns = 25 * SIM_MS, .aimed_pps = rate_pps(rate)};

    *now = mono_add_ns(*now, 25 * SIM_MS);
    rate_hear_window(rate, &window, *now);
}

static struct rate *grown(struct mono_time *now, uint64_t pps)
{
    struct rate *rate = rate_create(&(struct rate_options){0});

    assert_non_null(rate);
    for (int i = 0; rate_pps(rate) < pps && i < 20; i++) {
        hear(rate, now, 1, 900);
    }
    assert_int_equal(rate_pps(rate), pps);
    return rate;
}

/* Two low windows, and it is at what got through; clean there, it tries the same rate once more, and no third time. */
static void what_fails_once_gets_a_second_chance(void **state)
{
    struct mono_time now = {SIM_S};
    struct rate *rate = grown(&now, 160000);

    (void)state;
    hear(rate, &now, 1, 450);
    assert_int_equal(rate_pps(rate), 160000);
    hear(rate, &now, 1, 450);
    assert_in_range(rate_pps(rate), 70000, 80000);
    hear(rate, &now, 1, 900);
    assert_int_equal(rate_figures(rate).slowdowns, 1);
    hear(rate, &now, 1, 900);
    assert_int_equal(rate_pps(rate), 144000);
    hear(rate, &now, 1, 500);
    hear(rate, &now, 1, 500);
    assert_in_range(rate_pps(rate), 70000, 80000);
    for (int i = 0; i < 4; i++) {
        hear(rate, &now, 1, 900);
        assert_in_range(rate_pps(rate), 70000, 80000);
    }
    rate_destroy(rate);
}

/* A window of a millisecond. */
static void hear_ms(struct rate *rate, struct mono_time *now, uint64_t sent, uint64_t answered)
{
    struct rate_window window = {.sent = sent, .answered = answered, .span_ns = SIM_MS, .aimed_pps = rate_pps(rate)};

    *now = mono_add_ns(*now, SIM_MS);
    rate_hear_window(rate, &window, *now);
}

/* Senders that were held for a while sent a few packets at once, for which a policer's bucket had not the room. */
static void what_is_lost_of_little_takes_little_off_the_rate(void **state)
{
    struct mono_time now = {SIM_S};
    struct rate *rate = rate_create(&(struct rate_options){.ceiling_pps = 48000});

    (void)state;
    assert_non_null(rate);
    for (int i = 0; i < 50; i++) {
        hear(rate, &now, 1, 1000);
    }
    assert_int_equal(rate_pps(rate), 48000);
    for (int i = 0; i < 200; i++) {
        hear_ms(rate, &now, 6, 5);
        hear_ms(rate, &now, 6, i % 7 == 0 ? 3 : 5);
        assert_true(rate_pps(rate) > 30000);
        for (int k = 0; k < 40; k++) {
            hear_ms(rate, &now, rate_pps(rate) / 1000, rate_pps(rate) / 1000);
        }
        assert_int_equal(rate_pps(rate), 48000);
    }
    rate_destroy(rate);
}

/* A check that finds the lower rate as clean as ever was called for by chance: what was learnt until then stands, and a
 * loss of one in twelve is seen soon afterwards, rather than being learnt as what is to be expected. */
static void a_check_for_nothing_forgets_nothing(void **state)
{
    struct mono_time now = {SIM_S};
    struct rate *rate = rate_create(&(struct rate_options){.ceiling_pps = 48000});
    uint32_t windows = 0;

    (void)state;
    assert_non_null(rate);
    for (int i = 0; i < 50; i++) {
        hear(rate, &now, 1, 1000);
    }
    hear_ms(rate, &now, 6, 3);
    hear_ms(rate, &now, 6, 3);
    assert_true(rate_pps(rate) < 48000);
    while (rate_pps(rate) < 48000) {
        hear_ms(rate, &now, rate_pps(rate) / 1000, rate_pps(rate) / 1000);
        assert_true(++windows < 500);
    }
    for (windows = 0; rate_pps(rate) == 48000; windows++) {
        assert_true(windows < 10);
        hear_ms(rate, &now, 48, 44);
    }
    rate_destroy(rate);
}

/* As low at the lower rate as it was: the hosts have changed, and the rate returns and goes on growing. */
static void a_share_that_falls_for_good_is_learnt(void **state)
{
    struct mono_time now = {SIM_S};
    struct rate *rate = grown(&now, 160000);

    (void)state;
    for (int i = 0; i < 8; i++) {
        hear(rate, &now, 1, 450);
    }
    assert_true(rate_pps(rate) > 600000);
    assert_int_equal(rate_figures(rate).slowdowns, 0);
    rate_destroy(rate);
}

static void hear_once(struct rate *rate, uint64_t sent, uint64_t answered, uint64_t span_ms)
{
    struct rate_window window = {
        .sent = sent, .answered = answered, .span_ns = span_ms * SIM_MS, .aimed_pps = rate_pps(rate)};

    rate_hear_window(rate, &window, (struct mono_time){SIM_S});
}

static void short_windows_full_of_answers_are_worth_two_steps(void **state)
{
    struct rate *rate = rate_create(&(struct rate_options){0});

    (void)state;
    hear_once(rate, 20, 18, 2);
    assert_int_equal(rate_pps(rate), 40000);
    hear_once(rate, 120, 108, 3);
    assert_int_equal(rate_pps(rate), 80000);
    hear_once(rate, 160, 144, 2);
    assert_int_equal(rate_pps(rate), 320000);
    rate_destroy(rate);
}

/* One or two of a few answers are missing by chance; more of them are waited for. */
static void few_answers_hold_up_only_when_they_are_too_few(void **state)
{
    struct rate *rate = rate_create(&(struct rate_options){0});

    (void)state;
    hear_once(rate, 50, 2, 2);
    assert_int_equal(rate_pps(rate), 10000);
    hear_once(rate, 50, 2, 3);
    assert_int_equal(rate_pps(rate), 20000);
    hear_once(rate, 200, 6, 10);
    assert_int_equal(rate_pps(rate), 40000);
    hear_once(rate, 400, 5, 10);
    assert_int_equal(rate_pps(rate), 40000);
    hear_once(rate, 400, 21, 10);
    assert_int_equal(rate_pps(rate), 80000);
    rate_destroy(rate);
}

/* Four answers may have been two too many. */
static void a_lucky_beginning_holds_nothing_up(void **state)
{
    struct rate *rate = rate_create(&(struct rate_options){0});

    (void)state;
    hear_once(rate, 100, 4, 5);
    assert_int_equal(rate_pps(rate), 20000);
    hear_once(rate, 200, 4, 10);
    assert_int_equal(rate_pps(rate), 40000);
    rate_destroy(rate);
}

static void what_senders_cannot_reach_is_not_believed(void **state)
{
    struct mono_time now = {SIM_S};
    struct rate *rate = grown(&now, 160000);

    (void)state;
    for (int i = 0; i < 20; i++) {
        hear(rate, &now, 0.5, 900);
    }
    assert_int_equal(rate_pps(rate), 160000);
    rate_destroy(rate);
}

static void what_is_refused_slows_down_and_recovers(void **state)
{
    struct rate *rate = rate_create(&(struct rate_options){0});
    struct mono_time now = {SIM_S};
    struct rate_window window = {.sent = 1000, .answered = 1000, .span_ns = 25 * SIM_MS};

    (void)state;
    for (int i = 0; i < 4; i++) {
        window.aimed_pps = rate_pps(rate);
        window.sent = window.aimed_pps / 40;
        window.answered = window.sent;
        now = mono_add_ns(now, 25 * SIM_MS);
        rate_hear_window(rate, &window, now);
    }
    assert_int_equal(rate_pps(rate), 160000);
    assert_int_equal(rate_figures(rate).highest_pps, 80000);
    rate_hear_lost_here(rate, 5000, now);
    assert_true(rate_pps(rate) < 90000);
    assert_int_equal(rate_figures(rate).lost_here, 5000);
    for (int i = 0; i < 4; i++) {
        window.aimed_pps = rate_pps(rate);
        window.sent = window.aimed_pps / 40;
        window.answered = window.sent;
        now = mono_add_ns(now, 25 * SIM_MS);
        rate_hear_window(rate, &window, now);
    }
    assert_true(rate_pps(rate) > 70000);
    /* One in ten thousand is not worth it. */
    now = mono_add_ns(now, 100 * SIM_MS);
    window.aimed_pps = rate_pps(rate);
    rate_hear_lost_here(rate, 1, now);
    assert_int_equal(rate_pps(rate), window.aimed_pps);
    rate_destroy(rate);
}

static void ceilings_and_brakes(void **state)
{
    struct rate *rate = rate_create(&(struct rate_options){.ceiling_pps = 300});
    struct rate_window window = {.sent = 10, .answered = 10, .span_ns = 50 * SIM_MS, .aimed_pps = 300};

    (void)state;
    assert_int_equal(rate_pps(rate), 300);
    for (int i = 0; i < 20; i++) {
        rate_hear_window(rate, &window, (struct mono_time){SIM_S + (uint64_t)i * SIM_S});
        assert_true(rate_pps(rate) <= 300);
    }
    rate_limit(rate, 100);
    assert_int_equal(rate_pps(rate), 100);
    rate_limit(rate, 0);
    assert_true(rate_pps(rate) <= 300);
    rate_destroy(rate);

    rate = rate_create(&(struct rate_options){.brakeless = true});
    assert_true(rate_pps(rate) == RATE_UNLIMITED);
    rate_hear_lost_here(rate, 1000, (struct mono_time){SIM_S});
    rate_begin_slab(rate, (struct mono_time){SIM_S});
    assert_true(rate_pps(rate) == RATE_UNLIMITED);
    assert_int_equal(rate_figures(rate).lost_here, 1000);
    rate_destroy(rate);

    rate = rate_create(&(struct rate_options){.brakeless = true, .ceiling_pps = 7000});
    assert_int_equal(rate_pps(rate), 7000);
    rate_destroy(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policer_is_found_and_held),
        cmocka_unit_test(loss_at_any_rate_does_not_slow_down),
        cmocka_unit_test(a_host_that_dies_does_not_slow_down),
        cmocka_unit_test(a_busy_machine_recovers),
        cmocka_unit_test(what_fails_once_gets_a_second_chance),
        cmocka_unit_test(what_is_lost_of_little_takes_little_off_the_rate),
        cmocka_unit_test(a_check_for_nothing_forgets_nothing),
        cmocka_unit_test(a_share_that_falls_for_good_is_learnt),
        cmocka_unit_test(short_windows_full_of_answers_are_worth_two_steps),
        cmocka_unit_test(few_answers_hold_up_only_when_they_are_too_few),
        cmocka_unit_test(a_lucky_beginning_holds_nothing_up),
        cmocka_unit_test(what_senders_cannot_reach_is_not_believed),
        cmocka_unit_test(what_is_refused_slows_down_and_recovers),
        cmocka_unit_test(ceilings_and_brakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
