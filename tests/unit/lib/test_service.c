#include "lib/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static void table_is_about_200_and_in_order(void **state)
{
    size_t count;
    const struct service *table = service_common(&count);
    (void)state;
    assert_in_range(count, 180, 200);
    for (size_t i = 0; i < count; i++) {
        assert_true(strcmp(table[i].proto, "tcp") == 0 || strcmp(table[i].proto, "udp") == 0);
        assert_true(strlen(table[i].name) > 0);
        assert_true(strlen(table[i].reason) > 3);
        if (i > 0) {
            int order = table[i - 1].port == table[i].port ? strcmp(table[i - 1].proto, table[i].proto)
                                                           : table[i - 1].port - table[i].port;
            assert_true(order < 0);
        }
    }
}

/* Where the system's database departs from IANA's registry, or names what IANA does not. */
static const struct {
    uint16_t port;
    const char *why;
} departures[] = {
    {5061, "IANA: sips"}, {7000, "IANA: afs3-fileserver"}, {8081, "IANA: sunproxyadmin"}, {8088, "IANA: radan-http"},
    {9098, "IANA: none"}, {10000, "IANA: ndmp"},
};

static void table_agrees_with_the_system(void **state)
{
    size_t count;
    size_t compared = 0;
    const struct service *table = service_common(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct servent *row = getservbyport(htons(table[i].port), table[i].proto);
        bool agrees = row != NULL && strcasecmp(row->s_name, table[i].name) == 0;
        for (size_t j = 0; row != NULL && row->s_aliases[j] != NULL; j++) {
            agrees = agrees || strcasecmp(row->s_aliases[j], table[i].name) == 0;
        }
        for (size_t j = 0; j < sizeof(departures) / sizeof(*departures); j++) {
            agrees = agrees || departures[j].port == table[i].port;
        }
        if (row != NULL && !agrees) {
            fail_msg("%u/%s is %s here, %s there", table[i].port, table[i].proto, table[i].name, row->s_name);
        }
        compared += row != NULL;
    }
    if (compared == 0) {
        print_message("SKIP: no services database on this system\n");
        skip();
    }
}

static void table_has_the_domain(void **state)
{
    static const uint16_t tcp[] = {22,   23,    20,   21,    3389, 3306, 5432, 1521, 1433, 6379,  11211, 9092, 9094,
                                   9096, 9098,  80,   443,   8080, 8090, 2375, 2376, 6443, 10250, 2379,  2380, 9200,
                                   9300, 27017, 5672, 15672, 445,  5900, 389,  53,   873,  2049,  5985};
    static const uint16_t udp[] = {161, 123, 53,   11211, 69,   111,  137,  389, 443,
                                   500, 623, 1900, 2049,  3478, 5060, 5353, 5683};
    struct portset set = {0};
    (void)state;
    service_common_ports("tcp", &set);
    for (size_t i = 0; i < sizeof(tcp) / sizeof(*tcp); i++) {
        assert_true(portset_has(&set, tcp[i]));
    }
    portset_clear(&set);
    service_common_ports("udp", &set);
    for (size_t i = 0; i < sizeof(udp) / sizeof(*udp); i++) {
        assert_true(portset_has(&set, udp[i]));
    }
}

static void finds_names_and_ports(void **state)
{
    struct services *services = services_create();
    uint16_t port;
    (void)state;
    assert_non_null(services);
    assert_int_equal(services_port(NULL, "ReDiS", "tcp", &port), 0);
    assert_int_equal(port, 6379);
    assert_int_equal(services_port(services, "docker", "tcp", &port), 0);
    assert_int_equal(port, 2375);
    assert_int_equal(services_port(services, "memcache", "udp", &port), 0);
    assert_int_equal(port, 11211);
    assert_string_equal(services_name(NULL, 22, "tcp"), "ssh");
    assert_null(services_name(NULL, 22, "udp"));
    assert_null(services_name(services, 65535, "tcp"));
    services_destroy(services);
    services_destroy(NULL);
}

static void falls_back_on_the_system(void **state)
{
    struct services *services = services_create();
    uint16_t port;
    (void)state;
    if (getservbyname("tcpmux", "tcp") == NULL) {
        services_destroy(services);
        print_message("SKIP: no services database on this system\n");
        skip();
    }
    assert_int_equal(services_port(NULL, "tcpmux", "tcp", &port), -ENOENT);
    assert_int_equal(services_port(services, "tcpmux", "tcp", &port), 0);
    assert_int_equal(port, 1);
    assert_string_equal(services_name(services, 1, "tcp"), "tcpmux");
    services_destroy(services);
}

static void refuses_unknown_names(void **state)
{
    struct services *services = services_create();
    char longest[5000];
    uint16_t port = 7;
    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(services_port(services, "no-such-service", "tcp", &port), -ENOENT);
    assert_int_equal(services_port(services, "", "tcp", &port), -ENOENT);
    assert_int_equal(services_port(services, longest, "tcp", &port), -ENOENT);
    assert_int_equal(port, 7);
    services_destroy(services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_about_200_and_in_order),
        cmocka_unit_test(table_agrees_with_the_system),
        cmocka_unit_test(table_has_the_domain),
        cmocka_unit_test(finds_names_and_ports),
        cmocka_unit_test(falls_back_on_the_system),
        cmocka_unit_test(refuses_unknown_names),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
