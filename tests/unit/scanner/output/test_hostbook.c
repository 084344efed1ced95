#include "scanner/output/hostbook.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(struct hostbook *book, const char *host, uint16_t port, enum port_state port_state)
{
    struct observation_port seen = {.proto = "tcp", .port = port, .state = port_state, .service = "s"};

    assert_int_equal(addr_parse(host, &seen.host), 0);
    assert_int_equal(hostbook_add(book, &seen), 0);
}

static struct hostbook_view take(struct hostbook *book, const char *host, bool up,
                                 const struct observation_not_shown *rest, size_t count)
{
    struct observation_host done = {.up = up, .not_shown = rest, .not_shown_count = count};
    struct hostbook_view view;

    assert_int_equal(addr_parse(host, &done.host), 0);
    assert_int_equal(hostbook_take(book, &done, &view), 0);
    return view;
}

static void keeps_hosts_apart_and_ports_in_order(void **state)
{
    struct hostbook *book = hostbook_create(NULL);
    struct hostbook_view view;
    (void)state;
    for (uint16_t port = 100; port > 0; port--) {
        add(book, "10.0.0.1", port, PORT_OPEN);
        add(book, "10.0.0.2", (uint16_t)(port + 1000), PORT_CLOSED);
        add(book, "10.0.0.1", port, PORT_FILTERED);
    }
    view = take(book, "10.0.0.1", true, NULL, 0);
    assert_int_equal(view.row_count, 100);
    for (uint16_t i = 0; i < 100; i++) {
        assert_int_equal(view.rows[i].port, i + 1);
        assert_int_equal(view.rows[i].state, PORT_FILTERED);
    }
    hostbook_view_done(&view);
    view = take(book, "10.0.0.1", true, NULL, 0);
    assert_int_equal(view.row_count, 0);
    hostbook_view_done(&view);
    hostbook_destroy(book);
    hostbook_destroy(NULL);
}

/* Ten of a state are shown singly, eleven are not, whatever their reasons; those of a silent host never are. */
static void spreads_small_groups(void **state)
{
    static const struct observation_not_shown rest[] = {{"tcp", PORT_CLOSED, REASON_RESET, 6, "1-6"},
                                                        {"tcp", PORT_CLOSED, REASON_PORT_UNREACH, 5, "10-14"},
                                                        {"tcp", PORT_FILTERED, REASON_NO_RESPONSE, 10, "22-31"}};
    struct hostbook *book = hostbook_create(NULL);
    struct hostbook_view view = take(book, "::1", true, rest, 3);
    (void)state;
    assert_int_equal(view.row_count, 10);
    assert_string_equal(view.rows[0].service, "ssh");
    assert_int_equal(view.rest_count, 2);
    hostbook_view_done(&view);
    view = take(book, "::1", false, rest, 3);
    assert_int_equal(view.row_count, 0);
    assert_int_equal(view.rest_count, 3);
    hostbook_view_done(&view);
    hostbook_destroy(book);
}

static void gives_what_is_unfinished_by_address(void **state)
{
    static const char *const hosts[] = {"10.0.0.9", "fd00::1", "10.0.0.2", "10.0.0.10", "10.0.0.3"};
    static const char *const order[] = {"10.0.0.2", "10.0.0.9", "10.0.0.10", "fd00::1"};
    struct hostbook *book = hostbook_create(NULL);
    struct observation_port named = {
        .proto = "tcp", .port = 7, .state = PORT_OPEN, .name = "db.example", .host = addr_loopback(true)};
    struct observation_host host;
    struct hostbook_view view;
    char text[ADDR_TEXT_SIZE];
    (void)state;
    assert_int_equal(hostbook_take_unfinished(book, &host, &view), -ENOENT);
    for (size_t i = 0; i < 5; i++) {
        add(book, hosts[i], 443, PORT_OPEN);
        add(book, hosts[i], 22, PORT_OPEN);
    }
    view = take(book, "10.0.0.3", true, NULL, 0);
    assert_false(view.unfinished);
    hostbook_view_done(&view);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(hostbook_take_unfinished(book, &host, &view), 0);
        assert_string_equal(addr_format(&host.host, text), order[i]);
        assert_true(host.up && view.unfinished && host.name == NULL);
        assert_int_equal(view.row_count, 2);
        assert_int_equal(view.rows[0].port, 22);
        hostbook_view_done(&view);
    }
    assert_int_equal(hostbook_add(book, &named), 0);
    assert_int_equal(hostbook_take_unfinished(book, &host, &view), 0);
    assert_string_equal(host.name, "db.example");
    hostbook_view_done(&view);
    assert_int_equal(hostbook_take_unfinished(book, &host, &view), -ENOENT);
    assert_int_equal(hostbook_add(book, &named), 0);
    hostbook_destroy(book);
}

static void refuses_ports_that_are_none(void **state)
{
    static const struct observation_not_shown rest = {"tcp", PORT_CLOSED, REASON_RESET, 2, "1,x"};
    struct observation_host done = {.host = addr_loopback(false), .up = true, .not_shown = &rest, .not_shown_count = 1};
    struct hostbook *book = hostbook_create(NULL);
    struct hostbook_view view;
    (void)state;
    add(book, "127.0.0.1", 1, PORT_OPEN);
    assert_int_equal(hostbook_take(book, &done, &view), -EINVAL);
    hostbook_destroy(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_hosts_apart_and_ports_in_order),
        cmocka_unit_test(spreads_small_groups),
        cmocka_unit_test(gives_what_is_unfinished_by_address),
        cmocka_unit_test(refuses_ports_that_are_none),
    };
    return cmocka_run_group_tests_name("hostbook", tests, NULL, NULL);
}
