#include "scanner/raw/port_hold.h"

#include "tests/unit/scanner/raw/place.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

/* 0 or -errno. */
static int try_port(int family, int type, uint16_t port)
{
    struct sockaddr_storage sockaddr;
    struct addr loopback = addr_loopback(family == AF_INET6);
    socklen_t length = addr_to_sockaddr(&loopback, port, &sockaddr);
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (const struct sockaddr *)&sockaddr, length) < 0 ? -errno : 0;

    close(fd);
    return rc;
}

static void nobody_else_gets_them(void **state)
{
    struct port_hold *hold = NULL;
    struct problem problem;
    uint16_t first;
    (void)state;
    assert_int_equal(port_hold_create(PORT_HOLD_TCP | PORT_HOLD_UDP, 16, &hold, &problem), 0);
    first = port_hold_first(hold);
    for (uint16_t port = first; port < first + 16; port++) {
        assert_int_equal(try_port(AF_INET, SOCK_STREAM, port), -EADDRINUSE);
        assert_int_equal(try_port(AF_INET, SOCK_DGRAM, port), -EADDRINUSE);
        assert_int_equal(try_port(AF_INET6, SOCK_STREAM, port), -EADDRINUSE);
    }
    port_hold_destroy(hold);
    for (uint16_t port = first; port < first + 16; port++) {
        assert_int_equal(try_port(AF_INET, SOCK_STREAM, port), 0);
        assert_int_equal(try_port(AF_INET, SOCK_DGRAM, port), 0);
    }
}

static void above_the_ephemeral_range_where_there_is_room(void **state)
{
    struct port_hold *hold = NULL;
    struct problem problem;
    (void)state;
    assert_true(place_write("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999"));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(port_hold_create(PORT_HOLD_TCP, 16, &hold, &problem), 0);
        assert_in_range(port_hold_first(hold), 61000, 65535 - 15);
        port_hold_destroy(hold);
    }
    assert_true(place_write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535"));
    assert_int_equal(port_hold_create(PORT_HOLD_TCP, 16, &hold, &problem), 0);
    assert_in_range(port_hold_first(hold), 1024, 65535 - 15);
    port_hold_destroy(hold);
}

static void a_second_holder_goes_elsewhere(void **state)
{
    struct port_hold *holds[40] = {NULL};
    struct problem problem;
    (void)state;
    assert_true(place_write("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999"));
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(port_hold_create(PORT_HOLD_TCP, 8, &holds[i], &problem), 0);
        for (size_t j = 0; j < i; j++) {
            int apart = port_hold_first(holds[i]) - port_hold_first(holds[j]);
            assert_true(apart >= 8 || apart <= -8);
        }
    }
    for (size_t i = 0; i < 40; i++) {
        port_hold_destroy(holds[i]);
    }
}

static void no_room_is_said(void **state)
{
    static const struct rlimit few = {64, 64};
    struct port_hold *hold = NULL;
    struct problem problem;
    (void)state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(port_hold_create(PORT_HOLD_TCP, 128, &hold, &problem), -EMFILE);
    assert_non_null(strstr(problem.text, "holding local ports"));
}

static int make_place(void **state)
{
    (void)state;
    return place_ip("link set lo up") ? 0 : -1;
}

static void without_namespaces(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_else_gets_them),
        cmocka_unit_test(above_the_ephemeral_range_where_there_is_room),
        cmocka_unit_test(a_second_holder_goes_elsewhere),
        cmocka_unit_test(no_room_is_said),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(without_namespaces)};

    return place_enter()
               ? cmocka_run_group_tests_name("port_hold", tests, make_place, NULL)
               : cmocka_run_group_tests_name("port_hold (no network namespace can be made)", none, NULL, NULL);
}
