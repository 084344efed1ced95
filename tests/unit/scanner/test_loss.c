#include "scanner/loss.h"
#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t random_state;

/* splitmix64, as a fraction of 1. */
static double fraction(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* `ports` that answer, each try lost with `share`: fills *counts, returns how many were missed in all passes. */
static uint64_t simulate(uint32_t ports, double share, uint32_t passes, struct loss_counts *counts)
{
    uint64_t missed = 0;

    for (uint32_t port = 0; port < ports; port++) {
        uint32_t pass = 0;
        while (pass < passes && fraction() < share) {
            pass++;
        }
        if (pass < passes) {
            counts->answers[pass]++;
        } else {
            missed++;
        }
    }
    return missed;
}

/* The interval must hold the truth in 95 of 100 scans; 93 leaves room for chance in 2,000 of them (4 standard
 * deviations). */
static void its_interval_holds_the_truth(void **state)
{
    static const struct {
        uint32_t ports;
        double share;
        uint32_t passes;
    } cases[] = {{1000, 0.01, 3}, {1000, 0.3, 3}, {200, 0.2, 2}, {50, 0.5, 4}, {5000, 0.05, 2}};
    (void)state;
    random_state = seed_first();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int right_share = 0;
        int right_missed = 0;
        for (int run = 0; run < 2000; run++) {
            struct loss_counts counts = {0};
            struct loss_estimate estimate;
            struct loss_missed missed;
            uint64_t truly = simulate(cases[i].ports, cases[i].share, cases[i].passes, &counts);
            assert_true(loss_estimate(&counts, cases[i].passes, &estimate));
            missed = loss_missed(&estimate, &counts, cases[i].passes, cases[i].ports - truly);
            right_share += estimate.share_low <= cases[i].share && cases[i].share <= estimate.share_high;
            right_missed += missed.low <= (double)truly && (double)truly <= missed.high;
        }
        print_message("%u ports, %.2f lost, %u passes: share %.1f %%, missed %.1f %%\n", cases[i].ports, cases[i].share,
                      cases[i].passes, right_share / 20.0, right_missed / 20.0);
        /* Where few are lost a 95 % interval covers 94.2 % (300,000 runs): this bound lies four standard errors below.
         */
        assert_true(right_share >= 2000 * 92 / 100);
        assert_true(right_missed >= 2000 * 92 / 100);
    }
}

/* Hosts that were given different numbers of tries: each counts with its own. */
static void different_tries_at_different_hosts(void **state)
{
    int right_share = 0;
    int right_missed = 0;
    (void)state;
    random_state = seed_first();
    for (int run = 0; run < 2000; run++) {
        struct loss_counts few = {0};
        struct loss_counts counts = {0};
        struct loss_estimate estimate;
        struct loss_missed missed;
        uint64_t truly_few = simulate(300, 0.2, 2, &few);
        uint64_t truly = simulate(300, 0.2, 6, &counts);
        counts.limits[1] = 300 - truly_few;
        counts.limits[5] = 300 - truly;
        loss_add(&counts, &few);
        truly += truly_few;
        assert_true(loss_estimate(&counts, 3, &estimate));
        missed = loss_missed(&estimate, &counts, 3, 600 - truly);
        right_share += estimate.share_low <= 0.2 && estimate.share_high >= 0.2;
        right_missed += missed.low <= (double)truly && (double)truly <= missed.high;
    }
    print_message("share %.1f %%, missed %.1f %%\n", right_share / 20.0, right_missed / 20.0);
    assert_true(right_share >= 2000 * 92 / 100);
    assert_true(right_missed >= 2000 * 92 / 100);
}

static void tries_follow_the_loss(void **state)
{
    struct loss_counts none = {.answers = {100000}};
    struct loss_counts little = {.answers = {99900, 100}};
    struct loss_counts tenth = {.answers = {9000, 900, 90}};
    struct loss_counts hopeless = {.answers = {0, 0, 4}};
    (void)state;
    assert_int_equal(loss_tries(&none, 3), 0);
    assert_int_equal(loss_tries(&(struct loss_counts){0}, 3), 0);
    /* 100,000 × 0.0012^3 < 0.001; 9,990 × 0.107^7 > 0.001 > 9,990 × 0.107^8. */
    assert_int_equal(loss_tries(&little, 3), 3);
    assert_int_equal(loss_tries(&tenth, 3), 8);
    assert_int_equal(loss_tries(&hopeless, 3), LOSS_PASSES_MAX);
}

static void says_nothing_that_it_cannot_know(void **state)
{
    struct loss_counts none = {0};
    struct loss_counts some = {.answers = {5, 1}};
    struct loss_estimate estimate;
    (void)state;
    assert_false(loss_estimate(&none, 3, &estimate));
    assert_false(loss_estimate(&some, 1, &estimate));
    assert_false(loss_estimate(&none, 0, &estimate));
}

static void without_loss_next_to_nothing_is_missed(void **state)
{
    struct loss_counts counts = {.answers = {10000}};
    struct loss_estimate estimate;
    struct loss_missed missed;
    (void)state;
    assert_true(loss_estimate(&counts, 3, &estimate));
    assert_true(estimate.share == 0 && estimate.share_high < 0.001);
    missed = loss_missed(&estimate, &counts, 3, 10000);
    assert_true(missed.low == 0 && missed.high == 0);
}

/* All answers in the last pass: the share has no upper bound below 1, and so has what was missed. */
static void hopeless_loss_stays_finite(void **state)
{
    struct loss_counts counts = {.answers = {0, 0, 4}};
    struct loss_estimate estimate;
    struct loss_missed missed;
    (void)state;
    assert_true(loss_estimate(&counts, 3, &estimate));
    missed = loss_missed(&estimate, &counts, 3, 4);
    assert_true(missed.low >= 0 && missed.high >= missed.low && missed.high < 1e18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_interval_holds_the_truth),
        cmocka_unit_test(different_tries_at_different_hosts),
        cmocka_unit_test(tries_follow_the_loss),
        cmocka_unit_test(says_nothing_that_it_cannot_know),
        cmocka_unit_test(without_loss_next_to_nothing_is_missed),
        cmocka_unit_test(hopeless_loss_stays_finite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
