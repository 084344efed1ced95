#include "scanner/raw/volley.h"

#include "tests/unit/scanner/simnet.h"

/* Volleys that ask whether hosts are there: by several kinds of questions, of which one answer will do. */

enum { KINDS = 8 };

static struct sim sim_storage;

/* Which hosts answer which kinds: nobody does as long as `answers` says no more. */
static struct sim *make(uint64_t seed, uint32_t hosts)
{
    struct sim *sim = &sim_storage;

    sim_init(sim, seed, hosts, KINDS);
    sim->options.kinds = KINDS;
    memset(sim->truth, PROBE_NONE, sim->probes);
    return sim;
}

static void answers(struct sim *sim, uint32_t host, uint32_t kind)
{
    sim->truth[host * KINDS + kind] = PROBE_RST;
}

static uint32_t packets_to(const struct sim *sim, uint32_t host)
{
    uint32_t sum = 0;

    for (uint32_t kind = 0; kind < KINDS; kind++) {
        sum += sim->sent[host * KINDS + kind];
    }
    return sum;
}

static void run(struct sim *sim)
{
    sim_run(sim, LOSS_PASSES_MAX * 100 * SIM_S);
    assert_true(volley_is_complete(sim->volley));
    for (uint32_t host = 0; host < sim->hosts; host++) {
        assert_int_equal(sim->host[host].done, 1);
    }
    volley_suspend(sim->volley);
    assert_int_equal(slab_totals(sim->slab)->sent, sim->total_sent);
}

static void one_answer_of_any_kind_is_enough(void **state)
{
    uint64_t seed = seed_first();

    (void)state;
    for (uint64_t i = 0; i < seed_repeats(100); i++) {
        struct sim *sim = make(seed + i, 64);
        for (uint32_t host = 0; host < 32; host++) {
            answers(sim, host, host % KINDS);
        }
        sim_start(sim, &(struct rate_options){0});
        run(sim);
        for (uint32_t host = 0; host < 64; host++) {
            assert_int_equal(slab_host(sim->slab, host)->heard, host < 32);
            /* Nobody is asked a second time who has answered, nor those that have not more often than the plan says. */
            assert_true(packets_to(sim, host) <= (host < 32 ? KINDS : 3 * KINDS));
            assert_true(host < 32 || packets_to(sim, host) == 3 * KINDS);
        }
        sim_close(sim);
    }
}

/* Whoever answers the first kind is hardly asked another: what is under way when the answer comes, no more. */
static void who_answers_at_once_is_left_alone(void **state)
{
    struct sim *sim = make(seed_first(), 2000);

    (void)state;
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        sim->truth[probe] = PROBE_RST;
    }
    sim_start(sim, &(struct rate_options){0});
    run(sim);
    assert_true(sim->total_sent < 2 * 2000);
    sim_close(sim);
}

/* What later kinds bring fewer of is no loss: the rate must not take it for that, however few hosts there are. */
static void the_rate_is_not_misled(void **state)
{
    uint64_t seed = seed_first();

    (void)state;
    for (uint64_t i = 0; i < seed_repeats(8); i++) {
        static const uint32_t shares[] = {3, 100, 1, 2};
        struct sim *sim = make(seed + i, 20000);
        uint32_t one_in = shares[i % 4];
        for (uint32_t host = 0; host < sim->hosts; host += one_in) {
            answers(sim, host, host / one_in % KINDS);
            answers(sim, host, 0);
            sim->host[host].rtt_ns = i % 4 < 2 ? 200000 : 40 * SIM_MS;
        }
        sim_start(sim, &(struct rate_options){0});
        run(sim);
        assert_int_equal(rate_figures(sim->rate).slowdowns, 0);
        /* 480,000 packets: at the rate of the beginning it would be 48 s. */
        assert_true(sim->now_ns - sim->begun_ns < 4 * SIM_S);
        sim_close(sim);
    }
}

/* Two of a hundred packets, or five, or twenty, are lost each way; each host answers one kind, the hardest case. */
static void loss_hides_nobody(void **state)
{
    static const double losses[] = {0.02, 0.05, 0.2};
    uint64_t seed = seed_first();
    uint32_t hidden[3] = {0};
    uint64_t count = seed_repeats(100);

    (void)state;
    for (uint64_t i = 0; i < 3 * count; i++) {
        struct sim *sim = make(seed + i, 120);
        for (uint32_t host = 0; host < 60; host++) {
            answers(sim, host, host % KINDS);
        }
        sim->loss = losses[i % 3];
        sim_start(sim, &(struct rate_options){0});
        run(sim);
        for (uint32_t host = 0; host < 60; host++) {
            hidden[i % 3] += slab_host(sim->slab, host)->heard ? 0 : 1;
        }
        sim_close(sim);
    }
    print_message("hidden of %llu hosts at 2, 5 and 20 %%: %u, %u, %u\n", (unsigned long long)count * 60, hidden[0],
                  hidden[1], hidden[2]);
    /* A thousandth of a host in each run is aimed at. */
    for (size_t k = 0; k < 3; k++) {
        assert_true(hidden[k] <= 1 + count / 50);
    }
}

static void a_router_s_word_is_no_host_s(void **state)
{
    struct sim *sim = make(seed_first(), 16);

    (void)state;
    for (uint32_t host = 0; host < 16; host++) {
        sim->host[host].kind = SIM_ABSENT;
        memset(sim->truth + (size_t)host * KINDS, PROBE_ICMP, KINDS);
    }
    sim_start(sim, &(struct rate_options){0});
    run(sim);
    for (uint32_t host = 0; host < 16; host++) {
        assert_false(slab_host(sim->slab, host)->heard);
        assert_int_equal(packets_to(sim, host), KINDS);
    }
    sim_close(sim);
}

/* Of hosts with a ceiling each packet is handed out by itself: those that are not needed any more must not be missed.
 */
static void ceilings_of_hosts_are_kept(void **state)
{
    uint64_t seed = seed_first();

    (void)state;
    for (uint64_t i = 0; i < seed_repeats(50); i++) {
        struct sim *sim = make(seed + i, 40);
        for (uint32_t host = 0; host < 20; host++) {
            answers(sim, host, sim_below(sim, KINDS));
        }
        sim->options.host_rate = pacer_rate_of(20 + sim_below(sim, 200), 1);
        sim->refusals = sim_chance(sim, 0.3) ? 0.3 : 0;
        sim_start(sim, &(struct rate_options){0});
        run(sim);
        for (uint32_t host = 0; host < 40; host++) {
            assert_int_equal(slab_host(sim->slab, host)->heard, host < 20);
        }
        sim_close(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answer_of_any_kind_is_enough), cmocka_unit_test(who_answers_at_once_is_left_alone),
        cmocka_unit_test(the_rate_is_not_misled),           cmocka_unit_test(loss_hides_nobody),
        cmocka_unit_test(a_router_s_word_is_no_host_s),     cmocka_unit_test(ceilings_of_hosts_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
