#include "web/authority.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_loopback_names_only(void **state)
{
    static const char *const ours[] = {"localhost", "LOCALHOST:8480", "localhost.", "a.localhost:1",
                                       "127.0.0.1", "127.9.8.7:80",   "[::1]",      "[::1]:8480"};
    static const char *const foreign[] = {"",
                                          "evil.example",
                                          "localhost.evil.example",
                                          "evillocalhost",
                                          "127.0.0.1.evil.example",
                                          "127.0.0.1:x",
                                          "127.0.0.1:70000",
                                          "[::1",
                                          "[::1]x",
                                          "::1",
                                          "0.0.0.0",
                                          "[::]",
                                          "10.0.0.1",
                                          "localhost:",
                                          ":80",
                                          "[127.0.0.1]:99999999999",
                                          "localhost:80:80",
                                          " localhost"};
    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
        assert_true(authority_is_loopback(ours[i]));
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
        if (strcmp(foreign[i], "localhost:") != 0) {
            assert_false(authority_is_loopback(foreign[i]));
        }
    }
    /* RFC 3986: an empty port is the default port. */
    assert_true(authority_is_loopback("localhost:"));
}

static void reads_where_to_listen(void **state)
{
    struct addr addr;
    uint16_t port;
    char text[ADDR_TEXT_SIZE];
    char longest[1024];
    (void)state;
    assert_int_equal(authority_parse_listen("127.0.0.1:8480", &addr, &port), 0);
    assert_int_equal(port, 8480);
    assert_int_equal(authority_parse_listen("[::1]:0", &addr, &port), 0);
    assert_string_equal(addr_format(&addr, text), "::1");
    assert_int_equal(authority_parse_listen("localhost:1", &addr, &port), 0);
    assert_int_equal(authority_parse_listen("0.0.0.0:1", &addr, &port), 0);
    assert_int_equal(authority_parse_listen("[2001:db8::1]:1", &addr, &port), 0);
    assert_int_equal(authority_parse_listen("127.0.0.1", &addr, &port), -EINVAL);
    assert_int_equal(authority_parse_listen("127.0.0.1:", &addr, &port), -EINVAL);
    assert_int_equal(authority_parse_listen("127.0.0.1:65536", &addr, &port), -EINVAL);
    assert_int_equal(authority_parse_listen("example.com:80", &addr, &port), -EINVAL);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(authority_parse_listen(longest, &addr, &port), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_loopback_names_only),
        cmocka_unit_test(reads_where_to_listen),
    };
    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
