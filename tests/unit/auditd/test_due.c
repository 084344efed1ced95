#include "auditd/schedule/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE_S = 60, DAY_S = 86400 };

/* 2026-11-22T00:00:00Z */
static const int64_t midnight_s = 1795305600;

static struct due between(const char *text, int64_t after_s, int64_t now_s)
{
    struct cron_fault fault;
    struct cron cron;
    struct zone *zone;
    struct due due;

    assert_int_equal(cron_parse(text, &cron, &fault), 0);
    assert_int_equal(zone_create("UTC", &zone), 0);
    due = due_between(&cron, zone, after_s, now_s);
    zone_destroy(zone);
    return due;
}

static void counts_what_was_due(void **state)
{
    struct due due = between("0 * * * *", midnight_s, midnight_s + 3599);

    (void)state;
    assert_int_equal(due.count, 0);
    due = between("0 * * * *", midnight_s, midnight_s + 3600);
    assert_int_equal(due.count, 1);
    assert_int_equal(due.newest_s, midnight_s + 3600);
    due = between("0 * * * *", midnight_s, midnight_s + 5 * 3600 + 7);
    assert_int_equal(due.count, 5);
    assert_int_equal(due.newest_s, midnight_s + 5 * 3600);
}

static void counts_nothing_for_a_clock_that_was_set_back(void **state)
{
    (void)state;
    assert_int_equal(between("* * * * *", midnight_s, midnight_s).count, 0);
    assert_int_equal(between("* * * * *", midnight_s, midnight_s - 3600).count, 0);
}

static void finds_the_newest_of_very_many(void **state)
{
    struct due due = between("* * * * *", midnight_s, midnight_s + (int64_t)365 * DAY_S + 30);

    (void)state;
    assert_int_equal(due.count, DUE_COUNTED_MAX);
    assert_int_equal(due.newest_s, midnight_s + (int64_t)365 * DAY_S);
    /* None within the last hour, day, or month. */
    due = between("* * * 1 *", midnight_s, midnight_s + (int64_t)300 * DAY_S);
    assert_int_equal(due.count, DUE_COUNTED_MAX);
    assert_int_equal(due.newest_s, 1801439940); /* 2027-01-31T23:59:00Z */
}

static void jitters_alike_and_evenly(void **state)
{
    int in_each[10] = {0};

    (void)state;
    assert_int_equal(due_jitter_ms(1, midnight_s, 0), 0);
    assert_int_equal(due_jitter_ms(1, midnight_s, 1), 0);
    for (int64_t i = 0; i < 10000; i++) {
        int64_t jitter_ms = due_jitter_ms(7, midnight_s + i * MINUTE_S, 600000);
        assert_in_range(jitter_ms, 0, 599999);
        assert_int_equal(due_jitter_ms(7, midnight_s + i * MINUTE_S, 600000), jitter_ms);
        in_each[jitter_ms / 60000]++;
    }
    for (size_t i = 0; i < 10; i++) {
        /* Six sigma. */
        assert_in_range(in_each[i], 820, 1180);
    }
    assert_int_not_equal(due_jitter_ms(7, midnight_s, 600000), due_jitter_ms(8, midnight_s, 600000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_was_due),
        cmocka_unit_test(counts_nothing_for_a_clock_that_was_set_back),
        cmocka_unit_test(finds_the_newest_of_very_many),
        cmocka_unit_test(jitters_alike_and_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
