#include "web/quota.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct mono_time start = {UINT64_C(1000000000)};

static uint32_t take(struct quota *quota, const char *key, uint64_t after_ms)
{
    return quota_take(quota, key, strlen(key), mono_add_ns(start, after_ms * 1000000), NULL);
}

static void counts_each_key_in_its_own_window(void **state)
{
    struct quota *quota = quota_create(2, 60000);
    uint32_t over;

    (void)state;
    assert_int_equal(take(quota, "a", 0), 0);
    assert_int_equal(take(quota, "a", 1000), 0);
    assert_int_equal(take(quota, "a", 2000), 59);
    assert_int_equal(take(quota, "b", 2000), 0);
    assert_int_equal(take(quota, "a", 59999), 1);
    assert_int_not_equal(quota_take(quota, "a", 1, mono_add_ns(start, UINT64_C(59999999999)), &over), 0);
    assert_int_equal(over, 3);
    assert_int_equal(take(quota, "a", 60000), 0);
    quota_destroy(quota);
}

static void has_no_limit_at_nought(void **state)
{
    struct quota *quota = quota_create(0, 60000);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(take(quota, "a", 0), 0);
    }
    quota_destroy(quota);
}

/* A hundred thousand strangers make room for each other, and take none from who asks now. */
static void stays_bounded(void **state)
{
    struct quota *quota = quota_create(1, 60000);
    char key[16];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(take(quota, key, (uint64_t)i / 100), 0);
        assert_int_not_equal(take(quota, key, (uint64_t)i / 100), 0);
    }
    quota_destroy(quota);
    quota_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_key_in_its_own_window),
        cmocka_unit_test(has_no_limit_at_nought),
        cmocka_unit_test(stays_bounded),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
