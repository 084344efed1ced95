#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void monotonic_time_adds_up(void **state)
{
    struct mono_time earlier = mono_now();
    struct mono_time later = mono_add_ns(earlier, 1500);
    struct mono_time now = mono_now();
    (void)state;
    assert_true(now.ns >= earlier.ns);
    assert_int_equal(mono_elapsed_ns(earlier, later), 1500);
    assert_int_equal(mono_elapsed_ns(later, earlier), 0);
}

static void formats_wall_time(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {1795345500007, "2026-11-22T11:05:00.007Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[WALL_TEXT_SIZE];
        int64_t back;
        assert_string_equal(wall_format(cases[i].ms, text), cases[i].text);
        assert_int_equal(wall_parse(text, &back), 0);
        assert_true(back == cases[i].ms);
    }
}

/* Each thirteenth day from 0000-03-01 to the end of 9999, and many more, against the C library. */
static void dates_are_those_of_the_c_library(void **state)
{
    char text[WALL_TEXT_SIZE];
    char expected[64];
    (void)state;
    for (int64_t day = -719468; day <= 2932896; day++) {
        time_t seconds = day * 86400 + 43199;
        struct tm utc;
        if (day % 13 != 0 && day % 365 > 1) {
            continue;
        }
        assert_non_null(gmtime_r(&seconds, &utc));
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT11:59:59.000Z", utc.tm_year + 1900, utc.tm_mon + 1,
                 utc.tm_mday);
        assert_string_equal(wall_format(seconds * 1000, text), expected);
    }
    assert_string_equal(wall_format(INT64_C(-719469) * 86400000, text), "");
    assert_string_equal(wall_format(INT64_C(2932897) * 86400000, text), "");
}

static void stays_within_its_buffer(void **state)
{
    static const int64_t times[] = {INT64_MAX, INT64_MIN, INT64_MAX / 1000, 253402300800000};
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        char text[WALL_TEXT_SIZE + 1];
        text[WALL_TEXT_SIZE] = 'x';
        assert_true(strlen(wall_format(times[i], text)) < WALL_TEXT_SIZE);
        assert_int_equal(text[WALL_TEXT_SIZE], 'x');
    }
}

static void parses_offsets_and_decimals(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:01z", 1000},
        {"1970-01-01 00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123456789Z", 123},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T19:30:00-04:30", 0},
        {"2016-12-31T23:59:60Z", 1483228800000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t ms;
        assert_int_equal(wall_parse(cases[i].text, &ms), 0);
        assert_true(ms == cases[i].ms);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00Zx",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-1-01T00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+0200",
        "-970-01-01T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        int64_t ms;
        if (wall_parse(texts[i], &ms) != -EINVAL) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_adds_up),           cmocka_unit_test(formats_wall_time),
        cmocka_unit_test(dates_are_those_of_the_c_library), cmocka_unit_test(stays_within_its_buffer),
        cmocka_unit_test(parses_offsets_and_decimals),      cmocka_unit_test(refuses_what_is_no_time),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
