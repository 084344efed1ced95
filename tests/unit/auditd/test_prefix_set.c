#include "auditd/policy/prefix_set.h"

#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void has_what_one_of_its_prefixes_has(void **state)
{
    enum { PREFIXES = 40, ADDRESSES = 2000 };
    uint64_t source = seed_first();

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct prefix prefixes[PREFIXES];
        struct prefix_set *set;
        for (size_t i = 0; i < PREFIXES; i++) {
            char text[PREFIX_TEXT_SIZE];
            /* Few addresses, so that they nest and touch. */
            if (seed_draw(&source, 3) == 0) {
                snprintf(text, sizeof(text), "2001:db8::%x/%d", seed_draw(&source, 1024), 118 + seed_draw(&source, 11));
            } else {
                snprintf(text, sizeof(text), "10.0.%d.%d/%d", seed_draw(&source, 4), seed_draw(&source, 256),
                         22 + seed_draw(&source, 11));
            }
            assert_int_equal(prefix_parse(text, &prefixes[i]), 0);
        }
        set = prefix_set_create(prefixes, PREFIXES);
        assert_non_null(set);
        for (size_t i = 0; i < ADDRESSES; i++) {
            char text[ADDR_TEXT_SIZE];
            struct addr addr;
            bool has = false;
            if (seed_draw(&source, 3) == 0) {
                snprintf(text, sizeof(text), "2001:db8::%x", seed_draw(&source, 1100));
            } else {
                snprintf(text, sizeof(text), "10.0.%d.%d", seed_draw(&source, 5), seed_draw(&source, 256));
            }
            assert_int_equal(addr_parse(text, &addr), 0);
            for (size_t j = 0; j < PREFIXES; j++) {
                has = has || prefix_contains(&prefixes[j], &addr);
            }
            assert_int_equal(prefix_set_has(set, &addr), has);
        }
        prefix_set_destroy(set);
    }
}

static void has_nothing_when_empty(void **state)
{
    struct prefix_set *set = prefix_set_create(NULL, 0);
    struct addr addr;

    (void)state;
    assert_non_null(set);
    assert_int_equal(addr_parse("0.0.0.0", &addr), 0);
    assert_false(prefix_set_has(set, &addr));
    prefix_set_destroy(set);
    prefix_set_destroy(NULL);
}

static void reaches_to_both_ends(void **state)
{
    struct prefix all;
    struct prefix_set *set;
    struct addr addr;

    (void)state;
    assert_int_equal(prefix_parse("0.0.0.0/0", &all), 0);
    set = prefix_set_create(&all, 1);
    assert_int_equal(addr_parse("255.255.255.255", &addr), 0);
    assert_true(prefix_set_has(set, &addr));
    assert_int_equal(addr_parse("0.0.0.0", &addr), 0);
    assert_true(prefix_set_has(set, &addr));
    assert_int_equal(addr_parse("::", &addr), 0);
    assert_false(prefix_set_has(set, &addr));
    prefix_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_one_of_its_prefixes_has),
        cmocka_unit_test(has_nothing_when_empty),
        cmocka_unit_test(reaches_to_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
