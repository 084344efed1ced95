#include "auditd/schedule/blackout.h"
#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { EVERY_DAY = 0x7f, MON_TO_FRI = 0x3e, SUNDAY = 1 };

static int setup(void **state)
{
    struct zone *zone;

    assert_int_equal(zone_create("Europe/Berlin", &zone), 0);
    *state = zone;
    return 0;
}

static int teardown(void **state)
{
    zone_destroy(*state);
    return 0;
}

static int64_t seconds_of(const char *text)
{
    int64_t ms;

    assert_int_equal(wall_parse(text, &ms), 0);
    return ms / 1000;
}

static void assert_free_at(const struct zone *zone, const struct blackout *windows, size_t count, const char *at,
                           const char *expected)
{
    char text[ZONE_TEXT_SIZE];

    zone_format(zone, blackout_free_at(windows, count, zone, seconds_of(at)), text);
    if (strcmp(text, expected) != 0) {
        fail_msg("after %s: %s instead of %s", at, text, expected);
    }
}

static void reads_times_and_dates(void **state)
{
    static const char *const no_times[] = {"", "8:00", "08:60", "24:01", "25:00", "08:00 ", "0800", "08-00", "ab:cd"};
    static const char *const no_dates[] = {"",           "2026-2-1",   "2026-02-30", "2026-13-01", "2026-00-01",
                                           "2026-01-00", "1969-12-31", "26-12-24",   "2026/12/24", "2026-12-24 "};
    int minute;
    int64_t day;

    (void)state;
    assert_int_equal(blackout_parse_time("00:00", &minute), 0);
    assert_int_equal(minute, 0);
    assert_int_equal(blackout_parse_time("24:00", &minute), 0);
    assert_int_equal(minute, 1440);
    assert_int_equal(blackout_parse_date("2028-02-29", &day), 0);
    assert_int_equal(day, 21243);
    for (size_t i = 0; i < sizeof(no_times) / sizeof(*no_times); i++) {
        assert_int_equal(blackout_parse_time(no_times[i], &minute), -EINVAL);
    }
    for (size_t i = 0; i < sizeof(no_dates) / sizeof(*no_dates); i++) {
        assert_int_equal(blackout_parse_date(no_dates[i], &day), -EINVAL);
    }
}

static void holds_on_its_weekdays(void **state)
{
    const struct blackout window = {.weekdays = MON_TO_FRI, .from_minute = 8 * 60, .to_minute = 18 * 60};

    /* 2026-11-20 is a Friday. */
    assert_free_at(*state, &window, 1, "2026-11-20T06:59:59Z", "2026-11-20 07:59 +01:00");
    assert_free_at(*state, &window, 1, "2026-11-20T07:00:00Z", "2026-11-20 18:00 +01:00");
    assert_free_at(*state, &window, 1, "2026-11-20T16:59:59Z", "2026-11-20 18:00 +01:00");
    assert_free_at(*state, &window, 1, "2026-11-20T17:00:00Z", "2026-11-20 18:00 +01:00");
    assert_free_at(*state, &window, 1, "2026-11-21T09:00:00Z", "2026-11-21 10:00 +01:00");
    assert_int_equal(blackout_holds(NULL, 0, *state, 0), 0);
    assert_int_equal(blackout_free_at(NULL, 0, *state, 12345), 12345);
}

static void passes_midnight(void **state)
{
    const struct blackout window = {.weekdays = SUNDAY, .from_minute = 22 * 60, .to_minute = 4 * 60};

    assert_free_at(*state, &window, 1, "2026-11-22T21:30:00Z", "2026-11-23 04:00 +01:00");
    assert_free_at(*state, &window, 1, "2026-11-23T02:30:00Z", "2026-11-23 04:00 +01:00");
    /* Of Saturday's night nothing is dark. */
    assert_free_at(*state, &window, 1, "2026-11-22T02:30:00Z", "2026-11-22 03:30 +01:00");
}

static void holds_on_dates_to_the_end_of_the_last(void **state)
{
    struct blackout windows[] = {{.is_dates = true},
                                 {.weekdays = EVERY_DAY, .from_minute = 0, .to_minute = 6 * 60 + 30}};

    assert_int_equal(blackout_parse_date("2026-12-24", &windows[0].from_day), 0);
    assert_int_equal(blackout_parse_date("2027-01-01", &windows[0].to_day), 0);
    assert_free_at(*state, windows, 1, "2026-12-23T22:59:59Z", "2026-12-23 23:59 +01:00");
    assert_free_at(*state, windows, 1, "2026-12-23T23:00:00Z", "2027-01-02 00:00 +01:00");
    assert_free_at(*state, windows, 2, "2026-12-23T23:00:00Z", "2027-01-02 06:30 +01:00");
}

static void follows_the_clocks(void **state)
{
    const struct blackout window = {.weekdays = EVERY_DAY, .from_minute = 60, .to_minute = 150};

    /* It would end at 02:30, which is not there on that day: it ends with the gap. */
    assert_free_at(*state, &window, 1, "2026-03-29T00:15:00Z", "2026-03-29 03:00 +02:00");
    /* It ends at 02:30, and comes once more for half an hour when the clocks show 02:00 again. */
    assert_free_at(*state, &window, 1, "2026-10-25T00:15:00Z", "2026-10-25 02:30 +02:00");
    assert_free_at(*state, &window, 1, "2026-10-25T01:00:00Z", "2026-10-25 02:30 +01:00");
}

static void says_when_there_is_no_time_left(void **state)
{
    const struct blackout windows[] = {{.weekdays = EVERY_DAY, .from_minute = 0, .to_minute = 720},
                                       {.weekdays = EVERY_DAY, .from_minute = 720, .to_minute = 1440}};

    assert_true(blackout_free_at(windows, 2, *state, 0) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times_and_dates),
        cmocka_unit_test_setup_teardown(holds_on_its_weekdays, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_midnight, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_on_dates_to_the_end_of_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_the_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(says_when_there_is_no_time_left, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
