#include "auditd/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *format(struct meter_reading reading)
{
    static char text[METER_TEXT_SIZE];

    return meter_format(&reading, text);
}

static void tells_share_rate_and_time(void **state)
{
    (void)state;
    assert_string_equal(format((struct meter_reading){"scan", NULL, 1200, 2660, 800, 3, 12}),
                        "scan  45 %  1200 of 2660 probes, 800/s, 12 s left, 3 open");
    assert_string_equal(format((struct meter_reading){"scan", NULL, 99999, 100000, 1, 0, 7199}),
                        "scan  99 %  99999 of 100000 probes, 1/s, 119 min left, 0 open");
    assert_string_equal(format((struct meter_reading){"verify", NULL, 5, 5, 1, 0, -1}),
                        "verify 100 %  5 of 5 probes, 1/s, 0 open");
    assert_string_equal(format((struct meter_reading){"scan", NULL, 0, 0, 0, 0, 7200}),
                        "scan 100 %  0 of 0 probes, 0/s, 2 h left, 0 open");
}

/* A daemon and a scanner are other processes: they may say anything. */
static void bears_any_number(void **state)
{
    static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    enum { COUNT = sizeof(numbers) / sizeof(*numbers) };
    (void)state;
    for (size_t i = 0; i < (size_t)COUNT * COUNT; i++) {
        int64_t done = numbers[i % COUNT];
        int64_t probes = numbers[i / COUNT];
        const char *text = format((struct meter_reading){"scan", NULL, done, probes, done, probes, done});
        char *end;
        long share = strtol(text + strlen("scan "), &end, 10);
        assert_int_equal(strncmp(end, " %", 2), 0);
        assert_in_range(share, 0, 100);
        assert_true(share == 100 || done < probes);
        assert_true(strlen(text) < METER_TEXT_SIZE - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_share_rate_and_time),
        cmocka_unit_test(bears_any_number),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
