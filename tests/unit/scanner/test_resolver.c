/* Only what needs no DNS: addresses as names, and names that cannot be any. */
#include "scanner/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_address_comes_once(void **state)
{
    struct resolver resolver = resolver_system();
    struct addr addrs[RESOLVER_MAX_ADDRS];
    char text[ADDR_TEXT_SIZE];
    size_t count = 0;
    (void)state;
    assert_int_equal(resolver.resolve(resolver.context, "127.0.0.9", addrs, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(addr_format(&addrs[0], text), "127.0.0.9");
    assert_int_equal(resolver.resolve(resolver.context, "::1", addrs, &count), 0);
    assert_int_equal(count, 1);
    assert_true(addr_is_loopback(&addrs[0]));
}

static void what_is_no_name_is_an_error(void **state)
{
    struct resolver resolver = resolver_system();
    struct addr addrs[RESOLVER_MAX_ADDRS];
    char longest[400];
    size_t count = 7;
    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_true(resolver.resolve(resolver.context, "", addrs, &count) < 0);
    assert_true(resolver.resolve(resolver.context, longest, addrs, &count) < 0);
    assert_int_equal(count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_comes_once),
        cmocka_unit_test(what_is_no_name_is_an_error),
    };
    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
