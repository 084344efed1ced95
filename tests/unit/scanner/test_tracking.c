#include "scanner/tracking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tracking_pace look(struct tracking *tracking, uint64_t used, uint64_t lost, uint64_t sent)
{
    struct tracking_reading reading = {.table = {true, used, 1000}, .lost_known = true, .lost = lost, .sent = sent};
    struct tracking_pace pace;

    tracking_look(tracking, &reading, &pace);
    return pace;
}

static void the_fuller_the_slower(void **state)
{
    struct tracking tracking = {0};
    (void)state;
    /* Half of the room below nine tenths, ten times a second. */
    assert_int_equal(look(&tracking, 0, 0, 0).most_pps, 4500);
    assert_int_equal(look(&tracking, 500, 0, 0).most_pps, 2000);
    assert_int_equal(look(&tracking, 890, 0, 0).most_pps, 50);
    assert_int_equal(look(&tracking, 900, 0, 0).most_pps, TRACKING_TRICKLE_PPS);
    assert_int_equal(look(&tracking, 5000, 0, 0).most_pps, TRACKING_TRICKLE_PPS);
}

/* Filled at the allowed pace, look after look, with nothing running out, it is never full. */
static void it_is_never_overrun_between_two_looks(void **state)
{
    struct tracking tracking = {0};
    uint64_t used = 0;
    (void)state;
    for (int i = 0; i < 40; i++) {
        used += look(&tracking, used, 0, used).most_pps / TRACKING_LOOKS_PER_S;
        assert_true(used < 1000);
    }
    assert_true(used >= 890);
}

static void it_is_said_once_for_each_time_that_it_fills(void **state)
{
    struct tracking tracking = {0};
    (void)state;
    assert_false(look(&tracking, 749, 0, 0).nears);
    assert_true(look(&tracking, 750, 0, 0).nears);
    assert_false(look(&tracking, 800, 0, 0).nears);
    assert_false(look(&tracking, 600, 0, 0).nears);
    assert_false(look(&tracking, 760, 0, 0).nears);
    assert_false(look(&tracking, 100, 0, 0).nears);
    assert_true(look(&tracking, 760, 0, 0).nears);
}

static void what_was_lost_before_is_not_ours(void **state)
{
    struct tracking tracking = {0};
    struct tracking_pace pace;
    (void)state;
    pace = look(&tracking, 0, 700, 0);
    assert_int_equal(pace.lost, 0);
    assert_int_equal(pace.most_pps, 4500);
}

static void a_loss_halves_the_pace_which_then_recovers(void **state)
{
    struct tracking tracking = {0};
    struct tracking_pace pace;
    (void)state;
    look(&tracking, 0, 0, 0);
    pace = look(&tracking, 0, 3, 200);
    assert_int_equal(pace.lost, 3);
    assert_int_equal(pace.most_pps, 1000);
    pace = look(&tracking, 0, 4, 300);
    assert_int_equal(pace.lost, 1);
    assert_int_equal(pace.most_pps, 500);
    pace = look(&tracking, 0, 4, 350);
    assert_int_equal(pace.lost, 0);
    assert_int_equal(pace.most_pps, 626);
    for (int i = 0; i < 30; i++) {
        pace = look(&tracking, 0, 4, 350);
    }
    assert_int_equal(pace.most_pps, 4500);
    /* However little was sent: never nothing. */
    pace = look(&tracking, 0, 5, 350);
    assert_int_equal(pace.most_pps, TRACKING_TRICKLE_PPS);
}

static void where_nothing_is_known_there_is_no_bound(void **state)
{
    struct tracking tracking = {0};
    struct tracking_reading reading = {.sent = 0};
    struct tracking_pace pace;
    (void)state;
    for (int i = 0; i < 3; i++) {
        reading.sent += 100000;
        tracking_look(&tracking, &reading, &pace);
        assert_int_equal(pace.most_pps, 0);
        assert_int_equal(pace.lost, 0);
        assert_false(pace.nears);
    }
    reading.table = (struct limits_table){true, 10, 1000000};
    tracking_look(&tracking, &reading, &pace);
    assert_int_equal(pace.most_pps, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fuller_the_slower),
        cmocka_unit_test(it_is_never_overrun_between_two_looks),
        cmocka_unit_test(it_is_said_once_for_each_time_that_it_fills),
        cmocka_unit_test(what_was_lost_before_is_not_ours),
        cmocka_unit_test(a_loss_halves_the_pace_which_then_recovers),
        cmocka_unit_test(where_nothing_is_known_there_is_no_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
