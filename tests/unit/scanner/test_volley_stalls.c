#include "scanner/raw/volley.h"

#include "tests/unit/scanner/simnet.h"

/* This process stands still, as on a machine that is busy with other things: what it does then, and what it leaves
 * undone, is nobody's fault on the network. */

static struct sim sim_storage;

static void all_were_found(const struct sim *sim)
{
    for (uint32_t probe = 0; probe < sim->probes; probe++) {
        assert_int_equal(slab_answer(sim->slab, probe), (enum probe_answer)sim->truth[probe]);
    }
}

static uint32_t eased(const struct sim *sim)
{
    uint32_t count = 0;

    for (uint32_t host = 0; host < sim->hosts; host++) {
        count += sim->host[host].eased;
    }
    return count;
}

/* The reader is held for 5 to 400 ms at a time, while senders go on: ten thousands of answers wait for it, of which it
 * takes a part at a time. No window counts as loss, no host is eased off, and nobody is asked twice. */
static void a_reader_that_stands_still_blames_nobody(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(6);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t next;
        uint32_t stalls = 0;
        sim_init(sim, seed + i, 64, 4000);
        sim->sender_ns = 8000; /* two senders: 250,000/s */
        sim_start(sim, &(struct rate_options){0});
        next = sim->now_ns + 1 + sim_draw(sim) % (50 * SIM_MS);
        while (!volley_is_done(sim->volley)) {
            sim_step(sim, next);
            if (sim->now_ns >= next) {
                sim->reader_ns = sim->now_ns + 5 * SIM_MS + sim_draw(sim) % (395 * SIM_MS);
                next = sim->reader_ns + 20 * SIM_MS + sim_draw(sim) % (100 * SIM_MS);
                stalls++;
            }
        }
        sim_rest_senders(sim);
        sim_check_end(sim);
        all_were_found(sim);
        print_message("%u stalls: %.2f packets a port, %llu slow-downs, %u hosts eased off, %.2f s\n", stalls,
                      (double)sim->total_sent / sim->probes, (unsigned long long)rate_figures(sim->rate).slowdowns,
                      eased(sim), (double)(sim->now_ns - sim->begun_ns) / 1e9);
        assert_true(stalls >= 2);
        assert_int_equal(sim->total_sent, sim->probes);
        assert_int_equal(rate_figures(sim->rate).slowdowns, 0);
        assert_int_equal(eased(sim), 0);
        sim_close(sim);
    }
}

static void hold_senders(struct sim *sim, uint64_t stall_ns)
{
    for (uint32_t k = 0; k < sim->senders; k++) {
        sim->sender[k].next_ns = sim->now_ns + stall_ns;
    }
}

/* Senders come late, as they do among other work, and now and then all of them are held for 1 to 20 ms. A policer of
 * 50,000/s with nft's bucket of five stands in the way: what is made up for must fit that, and the little that is lost
 * when little left says nothing of the rate. */
static void senders_that_stand_still_do_not_slow_down(void **state)
{
    struct sim *sim = &sim_storage;
    uint64_t seed = seed_first();
    uint64_t count = seed_repeats(6);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t held_ns = 0;
        uint64_t next;
        double working_s;
        sim_init(sim, seed + i, 64, 6000);
        sim->policer = (struct sim_bucket){.rate_pps = 50000, .burst = 5};
        sim->late_ns = 60000;
        sim_start(sim, &(struct rate_options){0});
        next = sim->now_ns + sim_draw(sim) % (50 * SIM_MS);
        while (!volley_is_done(sim->volley)) {
            sim_step(sim, next);
            if (sim->now_ns >= next) {
                uint64_t stall_ns = SIM_MS + sim_draw(sim) % (19 * SIM_MS);
                hold_senders(sim, stall_ns);
                held_ns += stall_ns;
                next = sim->now_ns + stall_ns + sim_draw(sim) % (60 * SIM_MS);
            }
        }
        sim_rest_senders(sim);
        sim_check_end(sim);
        all_were_found(sim);
        working_s = (double)(sim->now_ns - sim->begun_ns - held_ns) / 1e9;
        print_message("policer of 50,000/s: %.3f packets a port, %.0f ports/s while not held, %u hosts eased off\n",
                      (double)sim->total_sent / sim->probes, sim->probes / working_s, eased(sim));
        assert_true((double)sim->total_sent / sim->probes < 1.15);
        assert_true(sim->probes / working_s > 42000);
        /* What the policer takes may by chance, in one run of hundreds, be mostly one host's. */
        assert_in_range(eased(sim), 0, 1);
        sim_close(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_reader_that_stands_still_blames_nobody, seed_say),
        cmocka_unit_test_teardown(senders_that_stand_still_do_not_slow_down, seed_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
