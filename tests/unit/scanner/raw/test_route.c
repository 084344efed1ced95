#include "scanner/raw/route.h"

#include "tests/unit/scanner/raw/place.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct router *router;

static struct addr addr(const char *text)
{
    struct addr parsed;

    assert_int_equal(addr_parse(text, &parsed), 0);
    return parsed;
}

static const char *text(const struct addr *value)
{
    static char buffers[4][ADDR_TEXT_SIZE];
    static size_t turn;

    turn = (turn + 1) % 4;
    return addr_format(value, buffers[turn]);
}

struct found {
    struct route route;
    struct addr last;
    int rc;
    char last_text[ADDR_TEXT_SIZE];
    char next_hop[ADDR_TEXT_SIZE];
};

static struct found find(const char *to)
{
    struct found found = {.rc = 0};
    struct addr wanted = addr(to);
    struct problem problem;

    found.rc = router_find(router, &wanted, &found.route, &found.last, &problem);
    addr_format(&found.last, found.last_text);
    addr_format(&found.route.next_hop, found.next_hop);
    return found;
}

static int make_place(void **state)
{
    static const char *const steps[] = {
        "link set lo up",
        "link add near type veth peer name far",
        "link set near address 02:00:00:00:00:01 mtu 1400 up",
        "link set far address 02:00:00:00:00:02 up",
        "address add 10.1.0.1/24 dev near",
        "address add fd00:1::1/64 dev near nodad",
        "route add 10.2.0.0/16 via 10.1.0.254",
        "route add 10.2.3.0/24 via 10.1.0.253",
        "route add default via 10.1.0.252",
        "route add prohibit 10.66.0.0/16",
        "route add blackhole 10.67.0.0/16",
        "route add fd00:2::/32 via fd00:1::fe",
        "route add 172.16.0.0/12 via inet6 fd00:1::fd dev near",
        "neigh add 10.1.0.254 lladdr 02:00:00:00:00:fe dev near nud permanent",
        "neigh add fd00:1::fe lladdr 02:00:00:00:00:fd dev near nud permanent",
    };
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (!place_ip(steps[i])) {
            print_error("ip %s\n", steps[i]);
            return -1;
        }
    }
    return router_create(IPPROTO_TCP, &router, &problem);
}

static int leave_place(void **state)
{
    (void)state;
    router_destroy(router);
    return 0;
}

static void by_way_of_a_gateway(void **state)
{
    static const uint8_t mac[ROUTE_MAC] = {2, 0, 0, 0, 0, 1};
    struct found found = find("10.2.0.7");
    (void)state;
    assert_int_equal(found.rc, 0);
    assert_string_equal(found.route.interface, "near");
    assert_int_equal(found.route.layer, LINK_ETHERNET);
    assert_string_equal(text(&found.route.source), "10.1.0.1");
    assert_string_equal(text(&found.route.next_hop), "10.1.0.254");
    assert_false(found.route.on_link);
    assert_false(found.route.local);
    assert_int_equal(found.route.mtu, 1400);
    assert_memory_equal(found.route.source_mac, mac, sizeof(mac));
    found = find("fd00:2::5");
    assert_int_equal(found.rc, 0);
    assert_string_equal(text(&found.route.source), "fd00:1::1");
    assert_string_equal(text(&found.route.next_hop), "fd00:1::fe");
    found = find("172.16.0.1");
    assert_int_equal(found.rc, 0);
    assert_string_equal(text(&found.route.next_hop), "fd00:1::fd");
}

static void on_link_and_local(void **state)
{
    struct found found = find("10.1.0.9");
    (void)state;
    assert_true(found.route.on_link);
    assert_string_equal(text(&found.route.next_hop), "10.1.0.9");
    found = find("10.1.0.1");
    assert_true(found.route.local);
    assert_string_equal(found.route.interface, "lo");
    assert_int_equal(found.route.layer, LINK_IP);
    assert_string_equal(text(&found.route.source), "10.1.0.1");
    found = find("127.0.0.1");
    assert_true(found.route.local);
    found = find("::1");
    assert_int_equal(found.rc, 0);
    assert_true(found.route.local);
    assert_string_equal(found.route.interface, "lo");
    assert_string_equal(text(&found.route.source), "::1");
}

/* Whatever the tables hold: an answer holds for all addresses up to its last, and not for longer than it does. */
static void answers_hold_as_far_as_they_say(void **state)
{
    static const char *const froms[] = {"10.0.255.0", "10.1.0.0", "10.1.0.1", "10.1.0.2", "10.2.0.0",
                                        "10.2.2.0",   "10.2.3.0", "10.2.4.0", "10.3.0.0", "172.15.255.255"};
    (void)state;
    for (size_t i = 0; i < sizeof(froms) / sizeof(*froms); i++) {
        struct found found = find(froms[i]);
        struct found end = find(text(&found.last));
        struct addr first = addr(froms[i]);
        struct addr middle = first;
        struct addr none;
        struct route route;
        struct problem problem;
        assert_true(addr_compare(&first, &found.last) <= 0);
        assert_int_equal(end.rc, found.rc);
        assert_int_equal(addr_compare(&end.last, &found.last), 0);
        assert_true(addr_add(&middle, addr_distance(&first, &found.last) / 2));
        assert_int_equal(router_find(router, &middle, &route, &none, &problem), found.rc);
        if (found.rc == 0) {
            assert_int_equal(route.ifindex, found.route.ifindex);
            assert_int_equal(route.on_link, found.route.on_link);
            assert_true(route.on_link || addr_equal(&route.next_hop, &found.route.next_hop));
        }
    }
    assert_string_equal(find("10.2.0.0").last_text, "10.2.2.255");
    assert_string_equal(find("10.2.3.77").last_text, "10.2.3.255");
    assert_string_equal(find("10.2.4.0").last_text, "10.2.255.255");
    assert_string_equal(find("fd00:2::").last_text, "fd00:2:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void no_way_is_said(void **state)
{
    struct problem problem;
    struct addr to = addr("fd00:3::1");
    struct addr last;
    struct route route;
    (void)state;
    assert_int_equal(find("10.66.1.1").rc, -EACCES);
    assert_true(find("10.67.1.1").rc < 0);
    assert_int_equal(router_find(router, &to, &route, &last, &problem), -ENETUNREACH);
    assert_non_null(strstr(problem.text, "fd00:3::1"));
}

static void neighbours_that_the_kernel_knows(void **state)
{
    static const uint8_t wanted[2][ROUTE_MAC] = {{2, 0, 0, 0, 0, 0xfe}, {2, 0, 0, 0, 0, 0xfd}};
    uint8_t mac[ROUTE_MAC];
    bool fixed = false;
    struct found found = find("10.2.0.7");
    (void)state;
    assert_true(router_neighbour(router, &found.route, mac, &fixed));
    assert_true(fixed);
    assert_memory_equal(mac, wanted[0], sizeof(mac));
    found = find("fd00:2::5");
    assert_true(router_neighbour(router, &found.route, mac, &fixed));
    assert_memory_equal(mac, wanted[1], sizeof(mac));
    found = find("10.1.0.77");
    assert_false(router_neighbour(router, &found.route, mac, &fixed));
}

static void changes_are_heard(void **state)
{
    struct pollfd wait = {.fd = router_descriptor(router), .events = POLLIN};
    (void)state;
    assert_false(router_changed(router));
    assert_true(place_ip("route add 10.2.3.128/25 via 10.1.0.251"));
    assert_int_equal(poll(&wait, 1, 1000), 1);
    assert_true(router_changed(router));
    assert_false(router_changed(router));
    assert_string_equal(find("10.2.3.77").last_text, "10.2.3.127");
    assert_string_equal(find("10.2.3.200").next_hop, "10.1.0.251");
    assert_true(place_ip("rule add to 10.2.3.160/27 unreachable"));
    assert_int_equal(poll(&wait, 1, 1000), 1);
    assert_true(router_changed(router));
    assert_string_equal(find("10.2.3.130").last_text, "10.2.3.159");
    assert_true(find("10.2.3.160").rc < 0);
    assert_true(place_ip("link set near down"));
    assert_int_equal(poll(&wait, 1, 1000), 1);
    assert_true(router_changed(router));
    assert_int_equal(find("10.2.0.7").rc, -ENETUNREACH);
}

static void without_namespaces(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_way_of_a_gateway),
        cmocka_unit_test(on_link_and_local),
        cmocka_unit_test(answers_hold_as_far_as_they_say),
        cmocka_unit_test(no_way_is_said),
        cmocka_unit_test(neighbours_that_the_kernel_knows),
        cmocka_unit_test(changes_are_heard),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(without_namespaces)};

    return place_enter() ? cmocka_run_group_tests_name("route", tests, make_place, leave_place)
                         : cmocka_run_group_tests_name("route (no network namespace can be made)", none, NULL, NULL);
}
