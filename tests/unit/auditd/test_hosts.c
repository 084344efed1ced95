#include "auditd/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void cuts_the_ports_off(void **state)
{
    static const struct {
        const char *target;
        const char *bare;
        bool literal;
    } cases[] = {
        {"10.0.0.5", "10.0.0.5", true},
        {"10.0.0.5:443", "10.0.0.5", true},
        {"10.0.0.0/24:22,80", "10.0.0.0/24", true},
        {"10.0.0.1-50", "10.0.0.1-50", true},
        {"fd00::1", "fd00::1", true},
        {"fd00::1-fd00::ff", "fd00::1-fd00::ff", true},
        {"[fd00::1]:443", "fd00::1", true},
        {"[fd00::]/120:22", "fd00::/120", true},
        {"db.example", "db.example", false},
        {"db-1.example:ssh", "db-1.example", false},
        {"dead-beef", "dead-beef", false},
        {"[", "[", false},
        {"[]", "", false},
        {":", "", false},
        {"", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *bare = hosts_bare(cases[i].target);
        assert_string_equal(bare, cases[i].bare);
        assert_int_equal(hosts_is_literal(bare), cases[i].literal);
        free(bare);
    }
}

struct found {
    struct scan_plan *hosts;
    int count;
};

static void keep(void *context, struct scan_plan *hosts)
{
    struct found *found = context;

    found->hosts = hosts;
    found->count++;
}

static bool has(const struct scan_plan *hosts, const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return scan_plan_has_host(hosts, &addr);
}

static void finds_addresses_at_once_and_names_by_the_loop(void **state)
{
    struct found found = {0};
    json_t *plan =
        json_loads("{\"targets\":[\"10.0.0.0/24:22\",\"[fd00::1]:https\"],\"exclude\":[\"10.0.0.9\"]}", 0, NULL);

    (void)state;
    hosts_find(uv_default_loop(), plan, keep, &found);
    assert_int_equal(found.count, 1);
    assert_true(has(found.hosts, "10.0.0.1"));
    assert_true(has(found.hosts, "fd00::1"));
    assert_false(has(found.hosts, "10.0.0.9"));
    assert_false(has(found.hosts, "10.0.1.1"));
    scan_plan_destroy(found.hosts);
    json_decref(plan);

    plan = json_loads("{\"targets\":[\"10.0.0.1\",\"localhost:22\",\"no such name\"]}", 0, NULL);
    hosts_find(uv_default_loop(), plan, keep, &found);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(found.count, 2);
    assert_true(has(found.hosts, "10.0.0.1"));
    assert_true(has(found.hosts, "127.0.0.1") || has(found.hosts, "::1"));
    scan_plan_destroy(found.hosts);
    json_decref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_the_ports_off),
        cmocka_unit_test(finds_addresses_at_once_and_names_by_the_loop),
    };
    return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
