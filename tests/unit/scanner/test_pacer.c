#include "scanner/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct mono_time at(uint64_t ns)
{
    return (struct mono_time){.ns = ns};
}

static void keeps_the_ceiling_over_any_span(void **state)
{
    static const uint64_t rates[] = {1, 7, 1000, 333333, 2000000};
    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        const uint32_t burst = 16;
        struct pacer_rate rate = pacer_rate_of(rates[i], burst);
        struct pacer pacer = {0};
        uint64_t span_ns = UINT64_C(1000000000) * 20 / rates[i];
        uint64_t start = UINT64_C(5000000000);
        uint64_t sent = 0;
        for (uint64_t now = start; now <= start + span_ns; now += span_ns / 997) {
            sent += pacer_take(&pacer, &rate, at(now), 3);
        }
        /* Whole intervals in the span, and the burst. */
        assert_in_range(sent, 20, 20 + burst);
    }
}

static void sends_bursts_no_longer_than_allowed(void **state)
{
    struct pacer_rate rate = pacer_rate_of(100, 5);
    struct pacer pacer = {0};
    (void)state;
    assert_int_equal(pacer_take(&pacer, &rate, at(1000000000), 100), 5);
    assert_false(pacer_ready(&pacer, &rate, at(1000000000)));
    assert_int_equal(pacer_take(&pacer, &rate, at(1000000000), 1), 0);
    assert_int_equal(pacer_next(&pacer, &rate).ns, 1010000000);
    assert_true(pacer_ready(&pacer, &rate, at(1010000000)));
    assert_int_equal(pacer_take(&pacer, &rate, at(1010000000), 9), 1);
    /* Idle for long, the bucket is full, not fuller. */
    assert_int_equal(pacer_take(&pacer, &rate, at(90000000000), 100), 5);
}

static void takes_back_what_did_not_leave(void **state)
{
    struct pacer_rate rate = pacer_rate_of(10, 1);
    struct pacer pacer = {0};
    (void)state;
    assert_int_equal(pacer_take(&pacer, &rate, at(1000000000), 1), 1);
    pacer_put_back(&pacer, &rate);
    assert_int_equal(pacer_take(&pacer, &rate, at(1000000000), 1), 1);
    assert_int_equal(pacer_take(&pacer, &rate, at(1000000000), 1), 0);
}

static void without_a_ceiling_everything_may_leave(void **state)
{
    struct pacer_rate rate = pacer_rate_of(0, 1);
    struct pacer pacer = {0};
    (void)state;
    assert_int_equal(pacer_take(&pacer, &rate, at(0), UINT32_MAX), UINT32_MAX);
    assert_true(pacer_ready(&pacer, &rate, at(0)));
    assert_int_equal(pacer_next(&pacer, &rate).ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_ceiling_over_any_span),
        cmocka_unit_test(sends_bursts_no_longer_than_allowed),
        cmocka_unit_test(takes_back_what_did_not_leave),
        cmocka_unit_test(without_a_ceiling_everything_may_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
