#include "scanner/own.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void reads_the_kernels_lines(void **state)
{
    static const struct {
        const char *line;
        const char *addr; /* NULL: not a listener */
        uint16_t port;
    } cases[] = {
        {"   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n", "0.0.0.0",
         2024},
        {"  17: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2\n", "127.0.0.1",
         22},
        /* Established, and the head of the table. */
        {"   1: 0100007F:0016 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 3\n", NULL, 0},
        {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n", NULL, 0},
        {"   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0\n", "::", 8080},
        {"   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0\n", "::1", 80},
        {"   0: 0000000000000000FFFF00000200000A:0050 00000000000000000000000000000000:0000 0A 0\n", "10.0.0.2", 80},
        {"   0: 0000000:0050 00000000:0000 0A\n", NULL, 0},
        {"", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct addr addr;
        uint16_t port;
        char text[ADDR_TEXT_SIZE];
        assert_int_equal(own_parse_listener(cases[i].line, &addr, &port), cases[i].addr != NULL);
        if (cases[i].addr != NULL) {
            assert_string_equal(addr_format(&addr, text), cases[i].addr);
            assert_int_equal(port, cases[i].port);
        }
    }
}

static uint16_t listen_on(const char *text, int *ret_fd)
{
    struct sockaddr_storage sockaddr;
    struct addr addr;
    uint16_t port;
    socklen_t length;

    assert_int_equal(addr_parse(text, &addr), 0);
    length = addr_to_sockaddr(&addr, 0, &sockaddr);
    *ret_fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(*ret_fd >= 0);
    assert_int_equal(bind(*ret_fd, (const struct sockaddr *)&sockaddr, length), 0);
    assert_int_equal(listen(*ret_fd, 1), 0);
    length = sizeof(sockaddr);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&sockaddr, &length), 0);
    assert_int_equal(addr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr, &port), 0);
    return port;
}

static void knows_what_a_listener_is_bound_to(void **state)
{
    static const char *const bounds[] = {"127.0.0.1", "0.0.0.0"};
    struct addr loopback = addr_loopback(false);
    struct own *own;
    (void)state;
    assert_int_equal(own_create(&own), 0);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        struct addr bound;
        char text[ADDR_TEXT_SIZE];
        int fd;
        uint16_t port = listen_on(bounds[i], &fd);
        assert_int_equal(own_read_listeners(own), 0);
        assert_true(own_bound(own, &loopback, port, &bound));
        assert_string_equal(addr_format(&bound, text), bounds[i]);
        close(fd);
        assert_int_equal(own_read_listeners(own), 0);
        assert_false(own_bound(own, &loopback, port, &bound));
    }
    own_destroy(own);
}

static void loopback_is_its_own(void **state)
{
    struct addr addr;
    struct own *own;
    (void)state;
    assert_int_equal(own_create(&own), 0);
    assert_int_equal(addr_parse("127.9.8.7", &addr), 0);
    assert_true(own_has(own, &addr));
    assert_int_equal(addr_parse("192.0.2.1", &addr), 0);
    assert_false(own_has(own, &addr));
    own_destroy(own);
    own_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_kernels_lines),
        cmocka_unit_test(knows_what_a_listener_is_bound_to),
        cmocka_unit_test(loopback_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
