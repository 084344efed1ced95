#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static void formats_what_it_parsed(void **state)
{
    static const char *const cases[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"0:0::1", "::1"},
        {"FD00:0:0:1::A", "fd00:0:0:1::a"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::ffff:a00:1", "10.0.0.1"},
        {"::10.0.0.1", "::10.0.0.1"},
        {"fe80::1%lo", "fe80::1%lo"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct addr addr = address(cases[i][0]);
        char text[ADDR_TEXT_SIZE];
        assert_string_equal(addr_format(&addr, text), cases[i][1]);
    }
}

/* Each byte's value in each place, beside the system's own text. */
static void formats_every_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * 256; i++) {
        struct addr addr = {.bytes = {1, 22, 255, 0}};
        char text[ADDR_TEXT_SIZE];
        char wanted[INET_ADDRSTRLEN];
        addr.bytes[i / 256] = (uint8_t)i;
        assert_non_null(inet_ntop(AF_INET, addr.bytes, wanted, sizeof(wanted)));
        assert_string_equal(addr_format(&addr, text), wanted);
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1%lo",
        "0x0a.0.0.1",
        "10.0.0.-1",
        "::1::",
        ":::",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "::g",
        "[::1]",
        "::1%lo",
        "::1%",
        "fe80::1%",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
        "\xff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct addr addr;
        assert_true(addr_parse(texts[i], &addr) < 0);
    }
    struct addr addr;
    assert_int_equal(addr_parse("fe80::1%nosuchif0", &addr), -ENODEV);
    /* An alias for the kernel, a port for people. */
    assert_int_equal(addr_parse("fe80::1%lo:22", &addr), -ENODEV);
}

static void orders_by_family_value_zone(void **state)
{
    static const char *const ordered[] = {
        "0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%lo", "fe80::2"};
    enum { COUNT = sizeof(ordered) / sizeof(*ordered) };
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            struct addr a = address(ordered[i]);
            struct addr b = address(ordered[j]);
            int order = addr_compare(&a, &b);
            assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
            assert_int_equal(addr_equal(&a, &b), i == j);
        }
    }
}

static void adds_and_measures(void **state)
{
    static const struct {
        const char *first;
        uint64_t steps;
        const char *last;
    } cases[] = {
        {"10.0.0.255", 1, "10.0.1.0"},
        {"0.0.0.0", UINT32_MAX, "255.255.255.255"},
        {"::ffff:ffff:ffff:ffff", 1, "::1:0:0:0:0"},
        {"::", UINT64_MAX - 1, "::ffff:ffff:ffff:fffe"},
        {"fd00::", 0, "fd00::"},
    };
    struct addr addr;
    struct addr far;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        addr = address(cases[i].first);
        struct addr last = address(cases[i].last);
        struct addr first = addr;
        assert_true(addr_add(&addr, cases[i].steps));
        assert_true(addr_equal(&addr, &last));
        assert_true(addr_distance(&first, &last) == cases[i].steps);
    }
    addr = address("255.255.255.255");
    assert_false(addr_add(&addr, 1));
    far = address("255.255.255.255");
    assert_true(addr_equal(&addr, &far));
    addr = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_false(addr_add(&addr, UINT64_MAX));
    addr = address("::");
    far = address("1::");
    assert_true(addr_distance(&addr, &far) == UINT64_MAX);
}

static void knows_loopback_and_unspecified(void **state)
{
    static const char *const loopback[] = {"127.0.0.1", "127.255.255.255", "::1"};
    static const char *const other[] = {"126.255.255.255", "128.0.0.0", "::2", "::", "1::1"};
    (void)state;
    for (size_t i = 0; i < sizeof(loopback) / sizeof(*loopback); i++) {
        struct addr addr = address(loopback[i]);
        assert_true(addr_is_loopback(&addr));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
        struct addr addr = address(other[i]);
        assert_false(addr_is_loopback(&addr));
        assert_int_equal(addr_is_unspecified(&addr), strcmp(other[i], "::") == 0);
    }
}

static void goes_to_sockaddr_and_back(void **state)
{
    static const char *const texts[] = {"10.0.0.5", "fd00::5", "fe80::5%lo"};
    struct sockaddr_storage storage;
    struct addr back;
    uint16_t port;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct addr addr = address(texts[i]);
        socklen_t length = addr_to_sockaddr(&addr, 65534, &storage);
        assert_int_equal(length, addr.is_ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        assert_int_equal(addr_from_sockaddr((struct sockaddr *)&storage, &back, &port), 0);
        assert_true(addr_equal(&addr, &back));
        assert_int_equal(port, 65534);
    }
    storage.ss_family = AF_UNIX;
    assert_int_equal(addr_from_sockaddr((struct sockaddr *)&storage, &back, NULL), -EAFNOSUPPORT);
}

static void prefixes_hold_what_they_should(void **state)
{
    static const struct {
        const char *given;
        const char *text;
        const char *last;
        const char *inside;
        const char *outside;
    } cases[] = {
        {"10.1.2.3/8", "10.0.0.0/8", "10.255.255.255", "10.255.0.1", "11.0.0.0"},
        {"10.1.2.3", "10.1.2.3/32", "10.1.2.3", "10.1.2.3", "10.1.2.2"},
        {"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "1.2.3.4", "::1.2.3.4"},
        {"172.16.5.4/12", "172.16.0.0/12", "172.31.255.255", "172.31.0.0", "172.32.0.0"},
        {"fd00::1:2/127", "fd00::1:2/127", "fd00::1:3", "fd00::1:3", "fd00::1:4"},
        {"fd00:0:0:1::9/64", "fd00:0:0:1::/64", "fd00::1:ffff:ffff:ffff:ffff", "fd00::1:8000:0:0:0", "fd00::2:0:0:0:0"},
        {"fd00::5", "fd00::5/128", "fd00::5", "fd00::5", "fd00::4"},
        {"::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1::", "0.0.0.0"},
        {"fe80::/10", "fe80::/10", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1%lo", "fec0::"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct prefix prefix;
        char text[PREFIX_TEXT_SIZE];
        struct addr inside = address(cases[i].inside);
        struct addr outside = address(cases[i].outside);
        assert_int_equal(prefix_parse(cases[i].given, &prefix), 0);
        assert_string_equal(prefix_format(&prefix, text), cases[i].text);
        struct addr last = prefix_last(&prefix);
        assert_string_equal(addr_format(&last, text), cases[i].last);
        assert_true(prefix_contains(&prefix, &inside));
        assert_false(prefix_contains(&prefix, &outside));
    }
}

static void refuses_what_is_no_prefix(void **state)
{
    static const char *const texts[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8 ",
                                        "10.0.0.0/8/8", "10.0.0.0/0x8", "::/129", "::/0128", "10/8", "x/8",
                                        "10.0.0.0/99999999999999999999", "::ffff:10.0.0.0/104",
                                        /* A zone, and addresses that it has not. */
                                        "fe80::1%lo/9", "fe80::1%lo:22/64"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct prefix prefix;
        if (prefix_parse(texts[i], &prefix) == 0) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_what_it_parsed),     cmocka_unit_test(formats_every_byte),
        cmocka_unit_test(refuses_what_is_no_address), cmocka_unit_test(orders_by_family_value_zone),
        cmocka_unit_test(adds_and_measures),          cmocka_unit_test(knows_loopback_and_unspecified),
        cmocka_unit_test(goes_to_sockaddr_and_back),  cmocka_unit_test(prefixes_hold_what_they_should),
        cmocka_unit_test(refuses_what_is_no_prefix),
    };
    return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
