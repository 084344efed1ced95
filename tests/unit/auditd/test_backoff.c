#include "auditd/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct mono_time at_ms(uint64_t ms)
{
    return (struct mono_time){ms * 1000000};
}

static void waits_longer_each_time_then_gives_up(void **state)
{
    static const uint64_t waits[] = {100, 200, 400, 500};
    struct backoff_options options = {.first_ms = 100, .longest_ms = 500, .healthy_ms = 1000, .quick_deaths_max = 5};
    struct backoff backoff;
    uint64_t wait_ms;

    (void)state;
    backoff_init(&backoff, &options);
    for (size_t i = 0; i < 4; i++) {
        assert_true(backoff_died(&backoff, at_ms(0), at_ms(999), &wait_ms));
        assert_int_equal(wait_ms, waits[i]);
    }
    assert_false(backoff_died(&backoff, at_ms(0), at_ms(0), &wait_ms));
}

static void forgives_after_a_healthy_life(void **state)
{
    struct backoff_options options = backoff_options_default();
    struct backoff backoff;
    uint64_t wait_ms;

    (void)state;
    backoff_init(&backoff, &options);
    for (uint32_t i = 1; i < options.quick_deaths_max; i++) {
        assert_true(backoff_died(&backoff, at_ms(0), at_ms(1), &wait_ms));
    }
    assert_true(backoff_died(&backoff, at_ms(0), at_ms(options.healthy_ms), &wait_ms));
    assert_int_equal(wait_ms, options.first_ms);
    assert_true(backoff_died(&backoff, at_ms(0), at_ms(1), &wait_ms));
    assert_int_equal(wait_ms, options.first_ms);
}

/* A clock that steps back must not look like a long life. */
static void counts_a_death_before_its_start_as_quick(void **state)
{
    struct backoff_options options = {.first_ms = 1, .longest_ms = 1, .healthy_ms = 1000, .quick_deaths_max = 1};
    struct backoff backoff;
    uint64_t wait_ms;

    (void)state;
    backoff_init(&backoff, &options);
    assert_false(backoff_died(&backoff, at_ms(50), at_ms(10), &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_longer_each_time_then_gives_up),
        cmocka_unit_test(forgives_after_a_healthy_life),
        cmocka_unit_test(counts_a_death_before_its_start_as_quick),
    };
    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
