#include "scanner/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void measures_rate_and_time_left(void **state)
{
    struct progress_meter meter;
    struct observation_progress figures = {.probes = 10000};
    struct mono_time now = {.ns = UINT64_C(5000000000)};
    (void)state;
    progress_meter_init(&meter, now, 0, 0);
    progress_meter_update(&meter, now, &figures);
    assert_int_equal(figures.eta_s, -1);
    for (int second = 1; second <= 5; second++) {
        now = mono_add_ns(now, UINT64_C(1000000000));
        figures.probes_done = (uint64_t)second * 1000;
        figures.probes_sent = (uint64_t)second * 1500;
        progress_meter_update(&meter, now, &figures);
    }
    assert_int_equal(figures.rate_pps, 1500);
    assert_int_equal(figures.eta_s, 5);
    figures.probes_done = figures.probes;
    progress_meter_update(&meter, now, &figures);
    assert_int_equal(figures.eta_s, 0);
}

static void says_it_in_one_line(void **state)
{
    struct observation_progress figures = {
        .probes_done = 61440, .probes = 150000, .probes_sent = 70000, .rate_pps = 9870, .open = 1234567, .eta_s = 9};
    char buffer[PROGRESS_TEXT_SIZE];
    (void)state;
    assert_string_equal(progress_format(&figures, buffer), "40%  61,440 of 150,000  9,870/s  9 s left  1,234,567 open");
    figures.asks = true;
    figures.asked = 7654;
    assert_string_equal(progress_format(&figures, buffer),
                        "40%  61,440 of 150,000  9,870/s  9 s left  1,234,567 open  7,654 asked");
    figures.asks = false;
    figures = (struct observation_progress){.probes_done = UINT64_MAX,
                                            .probes = UINT64_MAX,
                                            .rate_pps = UINT64_MAX,
                                            .open = UINT64_MAX,
                                            .eta_s = INT64_MAX - 4000};
    assert_true(strlen(progress_format(&figures, buffer)) < PROGRESS_TEXT_SIZE);
    figures = (struct observation_progress){.eta_s = -1};
    assert_non_null(strstr(progress_format(&figures, buffer), "not known"));
}

static void shows_nothing_but_on_a_terminal(void **state)
{
    struct observation_progress figures = {.probes = 1};
    struct progress progress;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = tmpfile();
    (void)state;
    assert_non_null(stream);
    progress_init(&progress, stream);
    progress_show(&progress, &figures);
    progress_clear(&progress);
    assert_int_equal(ftell(stream), 0);
    fclose(stream);
    /* On one: shown, then taken away. */
    stream = open_memstream(&text, &size);
    progress = (struct progress){.stream = stream};
    progress_show(&progress, &figures);
    progress_clear(&progress);
    progress_clear(&progress);
    fclose(stream);
    assert_non_null(strstr(text, "0 of 1"));
    assert_null(strstr(text, "\033[2m"));
    assert_string_equal(text + size - 4, "\r\033[K");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_rate_and_time_left),
        cmocka_unit_test(says_it_in_one_line),
        cmocka_unit_test(shows_nothing_but_on_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
