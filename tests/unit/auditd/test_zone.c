#include "auditd/schedule/zone.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void knows_no_zone_that_the_database_lacks(void **state)
{
    static const char *const names[] = {"",
                                        "Europe/Atlantis",
                                        "europe/berlin",
                                        "/etc/passwd",
                                        "../../etc/passwd",
                                        "+02:00",
                                        "CET-1CEST",
                                        "Europe",
                                        "Europe/",
                                        "Europe//Berlin",
                                        "tzdata.zi",
                                        "Europe/Berlin\n",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct zone *zone = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(zone_create(names[i], &zone), -ENOENT);
    }
    assert_null(zone);
    zone_destroy(NULL);
}

static void tells_where_the_offset_changes(void **state)
{
    struct zone *zone;
    struct zone_span span;
    char text[ZONE_TEXT_SIZE];

    (void)state;
    assert_int_equal(zone_create("Europe/Berlin", &zone), 0);
    assert_string_equal(zone_name(zone), "Europe/Berlin");
    /* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC. */
    span = zone_span(zone, 1774746000);
    assert_int_equal(span.start_s, 1774746000);
    assert_int_equal(span.end_s, 1792890000);
    assert_int_equal(span.offset_s, 7200);
    assert_int_equal(zone_span(zone, 1774745999).offset_s, 3600);
    assert_string_equal(zone_format(zone, 1774745999, text), "2026-03-29 01:59 +01:00");
    assert_string_equal(zone_format(zone, 1774746000, text), "2026-03-29 03:00 +02:00");
    zone_destroy(zone);
}

static void takes_zones_without_changes_and_with_odd_offsets(void **state)
{
    struct zone *zone;
    char text[ZONE_TEXT_SIZE];

    (void)state;
    assert_int_equal(zone_create("UTC", &zone), 0);
    assert_int_equal(zone_span(zone, 0).start_s, INT64_MIN);
    assert_int_equal(zone_span(zone, 0).end_s, INT64_MAX);
    zone_destroy(zone);
    assert_int_equal(zone_create("America/St_Johns", &zone), 0);
    assert_string_equal(zone_format(zone, 1767225600, text), "2025-12-31 20:30 -03:30");
    zone_destroy(zone);
    assert_int_equal(zone_create("Etc/GMT+5", &zone), 0);
    assert_int_equal(zone_span(zone, 0).offset_s, -18000);
    zone_destroy(zone);
}

/* The C library reads the same database by code of its own. */
static void agrees_with_the_c_library(void **state)
{
    static const char *const names[] = {"Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
                                        "Africa/Casablanca", "Asia/Kathmandu",   "America/Caracas",     "Europe/Dublin",
                                        "Antarctica/Troll",  "Asia/Tehran"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct zone *zone;
        assert_int_equal(zone_create(names[i], &zone), 0);
        setenv("TZ", names[i], 1);
        tzset();
        for (time_t at_s = 0; at_s < INT64_C(2145916800); at_s += 5400) {
            struct tm local;
            localtime_r(&at_s, &local);
            if (zone_span(zone, at_s).offset_s != local.tm_gmtoff) {
                fail_msg("%s at %lld: %d instead of %ld", names[i], (long long)at_s,
                         (int)zone_span(zone, at_s).offset_s, local.tm_gmtoff);
            }
        }
        zone_destroy(zone);
    }
    unsetenv("TZ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_no_zone_that_the_database_lacks),
        cmocka_unit_test(tells_where_the_offset_changes),
        cmocka_unit_test(takes_zones_without_changes_and_with_odd_offsets),
        cmocka_unit_test(agrees_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
