#include "scanner/slab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t shape[] = {0, 3, 3, 40, 100};

static struct slab *make(void)
{
    struct slab *slab;

    assert_int_equal(slab_create(shape, 4, &slab), 0);
    return slab;
}

static void finds_the_host_of_a_probe(void **state)
{
    struct slab *slab = make();
    (void)state;
    assert_int_equal(slab_host_of(slab, 0), 0);
    assert_int_equal(slab_host_of(slab, 2), 0);
    /* The second host has no probes. */
    assert_int_equal(slab_host_of(slab, 3), 2);
    assert_int_equal(slab_host_of(slab, 39), 2);
    assert_int_equal(slab_host_of(slab, 99), 3);
    slab_destroy(slab);
}

static void upgrades_only(void **state)
{
    static const enum probe_answer order[] = {PROBE_NONE, PROBE_ICMP, PROBE_RST, PROBE_SYN_ACK};
    (void)state;
    for (int first = 0; first < 4; first++) {
        for (int second = 0; second < 4; second++) {
            struct slab *slab = make();
            assert_int_equal(slab_upgrade(slab, 50, order[first], REASON_HOST_UNREACH), first > 0);
            assert_int_equal(slab_upgrade(slab, 50, order[second], REASON_RESET), second > first);
            assert_int_equal(slab_answer(slab, 50), first > second ? first : second);
            assert_int_equal(slab_reason(slab, 50), second > first ? REASON_RESET
                                                    : first > 0    ? REASON_HOST_UNREACH
                                                                   : REASON_NO_RESPONSE);
            assert_int_equal(slab_host(slab, 3)->counts[first > second ? first : second], first || second ? 1 : 60);
            assert_int_equal(slab_answer(slab, 49), PROBE_NONE);
            assert_int_equal(slab_answer(slab, 51), PROBE_NONE);
            slab_destroy(slab);
        }
    }
}

static void counts_tries(void **state)
{
    struct slab *slab = make();
    (void)state;
    assert_int_equal(slab_tries(slab, 5), 0);
    slab_set_tried(slab, 5, true);
    assert_int_equal(slab_tries(slab, 5), 1);
    slab_host(slab, 2)->pass = 2;
    slab_upgrade(slab, 5, PROBE_RST, REASON_CONN_REFUSED);
    assert_int_equal(slab_tries(slab, 5), 3);
    slab_host(slab, 2)->pass = 3;
    assert_int_equal(slab_tries(slab, 5), 3);
    slab_destroy(slab);
}

/* Tries of before a host answered at all are loss while few of them are known, and a host that came up from then on. */
static void tells_absence_from_loss(void **state)
{
    struct slab *slab = make();
    const struct loss_counts *loss = &slab_totals(slab)->loss;
    (void)state;
    slab_host(slab, 3)->pass = 1;
    for (uint32_t probe = 40; probe < 60; probe++) {
        slab_set_tried(slab, probe, true);
        if (probe < 50) {
            slab_set_away(slab, probe, 1);
        }
    }
    for (uint32_t probe = 40; probe < 60; probe++) {
        assert_true(slab_upgrade(slab, probe, PROBE_RST, REASON_CONN_REFUSED));
        assert_int_equal(slab_tries(slab, probe), 2);
    }
    assert_int_equal(slab_host(slab, 3)->away, 1);
    assert_int_equal(loss->answers[0], 10 - (SLAB_AWAY_ANSWERS - 1));
    assert_int_equal(loss->answers[1], 10 + (SLAB_AWAY_ANSWERS - 1));
    slab_destroy(slab);
}

static struct slab *make_used(void)
{
    struct slab *slab = make();

    slab_host(slab, 3)->pass = 1;
    slab_host(slab, 0)->done = true;
    slab_host(slab, 2)->heard = true;
    slab_host(slab, 2)->ceiling = 77;
    slab_host(slab, 2)->discovered_by = REASON_ECHO_REPLY;
    slab_host(slab, 1)->undiscovered = true;
    rtt_sample(&slab_host(slab, 2)->rtt, 12345);
    slab_set_tried(slab, 64, true);
    slab_upgrade(slab, 64, PROBE_SYN_ACK, REASON_SYN_ACK);
    slab_upgrade(slab, 3, PROBE_ICMP, REASON_ADMIN_PROHIBITED);
    slab_totals(slab)->sent = 1234567890123;
    slab_totals(slab)->loss.answers[1] = 1;
    slab_totals(slab)->loss.limits[2] = 7;
    slab_set_tried(slab, 41, true);
    slab_set_away(slab, 41, 1);
    slab_host(slab, 3)->told = true;
    slab_host(slab, 1)->every_port = true;
    slab_set_asked(slab, 64);
    slab_set_asked(slab, 99);
    return slab;
}

static void forgets_silence_and_nothing_else(void **state)
{
    struct slab *slab = make();
    (void)state;
    slab_host(slab, 2)->pass = 2;
    slab_host(slab, 3)->pass = 2;
    for (uint32_t probe = 3; probe < 100; probe++) {
        slab_set_tried(slab, probe, true);
    }
    slab_set_away(slab, 7, 2);
    assert_true(slab_upgrade(slab, 5, PROBE_RST, REASON_RESET));
    assert_int_equal(slab_tries(slab, 5), 3);
    slab_forget_silence(slab, 2);
    assert_int_equal(slab_tries(slab, 5), 3);
    assert_int_equal(slab_answer(slab, 5), PROBE_RST);
    assert_int_equal(slab_tries(slab, 3), 0);
    assert_int_equal(slab_tries(slab, 39), 0);
    assert_int_equal(slab_host(slab, 2)->counts[PROBE_NONE], 36);
    assert_int_equal(slab_tries(slab, 40), 3);
    /* Its first try from now on is one that was not lost. */
    slab_set_tried(slab, 7, true);
    assert_true(slab_upgrade(slab, 7, PROBE_RST, REASON_RESET));
    assert_int_equal(slab_tries(slab, 7), 1);
    assert_int_equal(slab_totals(slab)->loss.answers[0], 1);
    slab_destroy(slab);
}

static void comes_back_from_its_bytes(void **state)
{
    struct slab *slab = make_used();
    struct slab *back = make();
    uint8_t *bytes;
    size_t size;
    (void)state;
    assert_int_equal(slab_serialise(slab, &bytes, &size), 0);
    assert_int_equal(slab_restore(back, bytes, size), 0);
    for (uint32_t probe = 0; probe < 100; probe++) {
        assert_int_equal(slab_answer(back, probe), slab_answer(slab, probe));
        assert_int_equal(slab_reason(back, probe), slab_reason(slab, probe));
        assert_int_equal(slab_tried(back, probe), slab_tried(slab, probe));
        assert_int_equal(slab_tries(back, probe), slab_tries(slab, probe));
        assert_int_equal(slab_asked(back, probe), probe == 64 || probe == 99);
    }
    for (uint32_t host = 0; host < 4; host++) {
        assert_memory_equal(slab_host(back, host)->counts, slab_host(slab, host)->counts, 4 * sizeof(uint32_t));
        assert_int_equal(slab_host(back, host)->rtt.srtt_us, slab_host(slab, host)->rtt.srtt_us);
        assert_int_equal(slab_host(back, host)->done, slab_host(slab, host)->done);
        assert_int_equal(slab_host(back, host)->ceiling, slab_host(slab, host)->ceiling);
        assert_int_equal(slab_host(back, host)->told, host == 3);
        assert_int_equal(slab_host(back, host)->every_port, host == 1);
        assert_int_equal(slab_host(back, host)->discovered_by, slab_host(slab, host)->discovered_by);
        assert_int_equal(slab_host(back, host)->undiscovered, slab_host(slab, host)->undiscovered);
    }
    assert_int_equal(slab_totals(back)->sent, 1234567890123);
    assert_memory_equal(&slab_totals(back)->loss, &slab_totals(slab)->loss, sizeof(struct loss_counts));
    free(bytes);
    slab_destroy(slab);
    slab_destroy(back);
}

/* A state file is on a disk that others write to as well. */
static void refuses_bytes_that_are_not_its_own(void **state)
{
    struct slab *slab = make_used();
    uint8_t *bytes;
    size_t size;
    (void)state;
    assert_int_equal(slab_serialise(slab, &bytes, &size), 0);
    for (size_t cut = 0; cut < size; cut++) {
        struct slab *back = make();
        assert_int_equal(slab_restore(back, bytes, cut), -EBADMSG);
        slab_destroy(back);
    }
    for (size_t at = 0; at < size; at++) {
        struct slab *back = make();
        bytes[at] ^= 0xff;
        /* Whatever it says, nothing is read or written outside: the sanitizers watch. */
        assert_true(slab_restore(back, bytes, size) <= 0);
        bytes[at] ^= 0xff;
        slab_destroy(back);
    }
    free(bytes);
    slab_destroy(slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_host_of_a_probe),
        cmocka_unit_test(upgrades_only),
        cmocka_unit_test(counts_tries),
        cmocka_unit_test(tells_absence_from_loss),
        cmocka_unit_test(forgets_silence_and_nothing_else),
        cmocka_unit_test(comes_back_from_its_bytes),
        cmocka_unit_test(refuses_bytes_that_are_not_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
