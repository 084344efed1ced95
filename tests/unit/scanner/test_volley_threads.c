#include "scanner/raw/volley.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Senders in threads of their own against a network in memory, which answers at once, late, or not at all. What is
 * simulated elsewhere one step at a time happens at the same time here; ThreadSanitizer looks on where it is built in.
 */

enum { SENDERS = 4, HOSTS = 64, PORTS = 250, PROBES = HOSTS * PORTS, WIRE_ROOM = 1 << 18 };

/* What is on its way to the reader. */
struct wire {
    pthread_mutex_t lock;
    uint32_t count;
    struct sweep_answer answers[WIRE_ROOM];
};

struct stress {
    struct volley *volley;
    struct slab *slab;
    struct rate *rate;
    struct permutation order;
    struct volley_options options;
    uint32_t first_probes[HOSTS + 1];
    uint32_t lost_of_ten; /* tries that get no answer */
    uint32_t refused_of_ten;
    _Atomic uint32_t sent[PROBES];
    uint8_t told[PROBES];
    uint32_t done[HOSTS];
    _Atomic bool ended;
    struct wire wire;
};

struct sender {
    struct stress *stress;
    uint32_t number;
    pthread_t thread;
};

static uint32_t mix(uint32_t value)
{
    value = (value ^ (value >> 16)) * 0x45d9f3bU;
    value = (value ^ (value >> 16)) * 0x45d9f3bU;
    return value ^ (value >> 16);
}

/* The last host is silent; of the others each tenth port is, and each fourth is open. */
static enum probe_answer truth_of(uint32_t probe)
{
    if (probe / PORTS == HOSTS - 1 || probe % 10 == 3) {
        return PROBE_NONE;
    }
    return probe % 4 == 0 ? PROBE_SYN_ACK : PROBE_RST;
}

static void put_on_wire(struct stress *stress, const struct volley_shot *shots, uint32_t count)
{
    pthread_mutex_lock(&stress->wire.lock);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t probe = shots[i].probe;
        struct sweep_answer answer = {.probe = probe,
                                      .answer = truth_of(probe),
                                      .reason = truth_of(probe) == PROBE_SYN_ACK ? REASON_SYN_ACK : REASON_CONN_REFUSED,
                                      .from_host = true,
                                      .try_number = shots[i].try_number};
        atomic_fetch_add(&stress->sent[probe], 1);
        if (answer.answer != PROBE_NONE && mix(probe * 31 + shots[i].try_number) % 10 >= stress->lost_of_ten) {
            assert_true(stress->wire.count < WIRE_ROOM);
            stress->wire.answers[stress->wire.count++] = answer;
        }
    }
    pthread_mutex_unlock(&stress->wire.lock);
}

static void *send_all(void *context)
{
    struct sender *sender = context;
    struct stress *stress = sender->stress;
    struct volley_shot shots[VOLLEY_BATCH];
    uint32_t draws = 0;

    while (!atomic_load(&stress->ended)) {
        struct mono_time now = mono_now();
        uint32_t count = volley_draw(stress->volley, sender->number, now, shots, VOLLEY_BATCH);
        uint32_t refused = mix(++draws) % 10 < stress->refused_of_ten ? count / 2 : 0;
        put_on_wire(stress, shots, count - refused);
        volley_sent(stress->volley, sender->number, now, shots, count - refused);
        volley_put_back(stress->volley, sender->number, mono_now(), shots + count - refused, refused);
        if (count == 0 && volley_sender_wakeup(stress->volley, sender->number, now).ns > now.ns) {
            sched_yield();
        }
    }
    return NULL;
}

static void open_told(void *context, const struct sweep_found *found)
{
    struct stress *stress = context;

    assert_int_equal(truth_of(found->probe), PROBE_SYN_ACK);
    assert_int_equal(stress->told[found->probe]++, 0);
}

static void done_told(void *context, uint32_t host)
{
    ((struct stress *)context)->done[host]++;
}

static void eased_told(void *context, uint32_t host)
{
    (void)context;
    assert_true(host < HOSTS);
}

static void read_wire(struct stress *stress)
{
    static struct sweep_answer answers[WIRE_ROOM];
    uint32_t count;

    pthread_mutex_lock(&stress->wire.lock);
    count = stress->wire.count;
    memcpy(answers, stress->wire.answers, count * sizeof(answers[0]));
    stress->wire.count = 0;
    pthread_mutex_unlock(&stress->wire.lock);
    for (uint32_t i = 0; i < count; i += VOLLEY_BATCH) {
        volley_take(stress->volley, &answers[i], count - i < VOLLEY_BATCH ? count - i : VOLLEY_BATCH, mono_now());
    }
}

/* Until it is done or, where `stop_ns` says so, stopped. */
static void work(struct stress *stress, uint64_t stop_ns)
{
    struct sender senders[SENDERS];
    struct mono_time begun = mono_now();

    atomic_store(&stress->ended, false);
    assert_int_equal(volley_create(&stress->options, begun, &stress->volley), 0);
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.stress = stress, .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    while (!volley_is_done(stress->volley)) {
        read_wire(stress);
        if (volley_wakeup(stress->volley).ns <= mono_now().ns) {
            volley_tick(stress->volley, mono_now());
        }
        if (mono_elapsed_ns(begun, mono_now()) > stop_ns) {
            volley_stop(stress->volley);
        }
        assert_true(mono_elapsed_ns(begun, mono_now()) < UINT64_C(120) * 1000000000);
    }
    atomic_store(&stress->ended, true);
    for (uint32_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    volley_suspend(stress->volley);
}

static struct stress *make_stress(void)
{
    const uint8_t key[PERMUTATION_SEED_BYTES] = {42};
    struct stress *stress = calloc(1, sizeof(*stress));

    assert_non_null(stress);
    assert_int_equal(pthread_mutex_init(&stress->wire.lock, NULL), 0);
    for (uint32_t host = 0; host <= HOSTS; host++) {
        stress->first_probes[host] = host * PORTS;
    }
    permutation_init(&stress->order, key, 0, PROBES);
    assert_int_equal(slab_create(stress->first_probes, HOSTS, &stress->slab), 0);
    stress->rate = rate_create(&(struct rate_options){.brakeless = true});
    assert_non_null(stress->rate);
    stress->options = (struct volley_options){.slab = stress->slab,
                                              .order = &stress->order,
                                              .shard_count = 1,
                                              .retries = 2,
                                              .senders = SENDERS,
                                              .rate = stress->rate,
                                              .listener = {open_told, done_told, eased_told, stress}};
    return stress;
}

static void check(struct stress *stress)
{
    uint64_t sent = 0;

    assert_true(volley_is_complete(stress->volley));
    assert_int_equal(volley_settled(stress->volley), PROBES);
    for (uint32_t host = 0; host < HOSTS; host++) {
        assert_int_equal(stress->done[host], 1);
    }
    for (uint32_t probe = 0; probe < PROBES; probe++) {
        const struct slab_host *facts = slab_host(stress->slab, probe / PORTS);
        enum probe_answer answer = slab_answer(stress->slab, probe);
        sent += stress->sent[probe];
        assert_true(answer == truth_of(probe) || answer == PROBE_NONE);
        assert_int_equal(stress->told[probe], answer == PROBE_SYN_ACK ? 1 : 0);
        assert_in_range(stress->sent[probe], 1, facts->pass + 1);
        assert_true(answer != PROBE_NONE || stress->sent[probe] == facts->pass + 1U);
    }
    assert_int_equal(slab_totals(stress->slab)->sent, sent);
}

static void destroy(struct stress *stress)
{
    volley_destroy(stress->volley);
    slab_destroy(stress->slab);
    rate_destroy(stress->rate);
    pthread_mutex_destroy(&stress->wire.lock);
    free(stress);
}

static void four_senders_and_a_reader(void **state)
{
    (void)state;
    for (uint32_t lost = 0; lost < 3; lost++) {
        struct stress *stress = make_stress();
        stress->lost_of_ten = lost;
        stress->refused_of_ten = lost == 1 ? 1 : 0;
        work(stress, UINT64_MAX);
        check(stress);
        for (uint32_t probe = 0; lost == 0 && probe < PROBES; probe++) {
            assert_int_equal(slab_answer(stress->slab, probe), truth_of(probe));
        }
        destroy(stress);
    }
}

static void hosts_with_a_ceiling(void **state)
{
    struct stress *stress = make_stress();

    (void)state;
    stress->options.host_rate = pacer_rate_of(2000, 1);
    stress->lost_of_ten = 1;
    stress->refused_of_ten = 1;
    work(stress, UINT64_MAX);
    check(stress);
    destroy(stress);
}

static void stopped_and_gone_on_with(void **state)
{
    struct stress *stress = make_stress();
    uint32_t stops = 0;

    (void)state;
    stress->lost_of_ten = 2;
    stress->refused_of_ten = 1;
    for (;;) {
        work(stress, stops < 3 ? UINT64_C(2000000) << (2 * stops) : UINT64_MAX);
        if (volley_is_complete(stress->volley)) {
            break;
        }
        stops++;
        volley_destroy(stress->volley);
    }
    assert_true(stops >= 1);
    check(stress);
    destroy(stress);
}

static void *draw_all(void *context)
{
    struct sender *sender = context;
    struct volley_shot shots[VOLLEY_BATCH];
    uint32_t count;

    do {
        struct mono_time now = mono_now();
        count = volley_draw(sender->stress->volley, sender->number, now, shots, VOLLEY_BATCH);
        volley_sent(sender->stress->volley, sender->number, now, shots, count);
        for (uint32_t i = 0; i < count; i++) {
            atomic_fetch_add_explicit(&sender->stress->sent[shots[i].probe], 1, memory_order_relaxed);
        }
    } while (count > 0);
    return NULL;
}

/* However the senders interleave, a pass is shared out once. */
static void a_pass_is_shared_out_once(void **state)
{
    struct stress *stress = make_stress();
    struct sender senders[SENDERS];

    (void)state;
    assert_int_equal(volley_create(&stress->options, mono_now(), &stress->volley), 0);
    volley_tick(stress->volley, mono_now());
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.stress = stress, .number = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, draw_all, &senders[i]), 0);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    for (uint32_t probe = 0; probe < PROBES; probe++) {
        assert_int_equal(stress->sent[probe], 1);
    }
    destroy(stress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_is_shared_out_once),
        cmocka_unit_test(four_senders_and_a_reader),
        cmocka_unit_test(hosts_with_a_ceiling),
        cmocka_unit_test(stopped_and_gone_on_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
