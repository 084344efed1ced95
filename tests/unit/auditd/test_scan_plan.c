#include "auditd/scan_plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/seed.h"

static struct scan_plan *plan_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct scan_plan *plan = NULL;
    char reason[256] = "";

    assert_non_null(json);
    if (scan_plan_create(json, &plan, reason) != 0) {
        fail_msg("%s: %s", text, reason);
    }
    json_decref(json);
    return plan;
}

static bool has(const struct scan_plan *plan, const char *host, uint16_t port)
{
    struct addr address;

    assert_int_equal(addr_parse(host, &address), 0);
    return scan_plan_has_endpoint(plan, &address, false, port);
}

/* Of ranges that lie within, across and beside each other, and of all addresses among them. */
static void looks_among_targets_that_overlap(void **state)
{
    uint64_t seed = seed_first();

    (void)state;
    for (uint64_t round = 0; round < seed_repeats(200); round++) {
        int count = 1 + seed_draw(&seed, 12);
        struct range {
            int first, last, port;
        } ranges[12];
        char text[1024] = "{\"ports\":\"1\",\"targets\":[";
        struct scan_plan *plan;
        for (int i = 0; i < count; i++) {
            size_t length = strlen(text);
            ranges[i].first = seed_draw(&seed, 60);
            ranges[i].last = ranges[i].first + seed_draw(&seed, 1 + seed_draw(&seed, 40));
            ranges[i].port = 1 + seed_draw(&seed, 3);
            snprintf(text + length, sizeof(text) - length, "%s\"10.0.0.%d-%d:%d\"", i == 0 ? "" : ",", ranges[i].first,
                     ranges[i].last, ranges[i].port);
        }
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
        plan = plan_of(text);
        for (int at = 0; at < 110; at++) {
            bool meant[4] = {false};
            char host[32];
            struct addr address;
            for (int i = 0; i < count; i++) {
                bool within = ranges[i].first <= at && at <= ranges[i].last;
                meant[ranges[i].port] = meant[ranges[i].port] || within;
                meant[0] = meant[0] || within;
            }
            snprintf(host, sizeof(host), "10.0.0.%d", at);
            assert_int_equal(addr_parse(host, &address), 0);
            assert_int_equal(scan_plan_has_host(plan, &address), meant[0]);
            for (uint16_t port = 1; port < 4; port++) {
                assert_int_equal(has(plan, host, port), meant[port]);
            }
        }
        scan_plan_destroy(plan);
    }
}

static void knows_its_targets(void **state)
{
    struct scan_plan *plan = plan_of(
        "{\"ports\":\"22,80-90\",\"targets\":[\"10.0.0.0/30\",\"10.0.1.5-7\",\"10.0.2.9-10.0.3.1\",\"[fd00::1]:443\","
        "\"fd00::10-fd00::20\",\"10.9.9.9:1000\",\"web-1.example:8080\"],\"exclude\":[\"10.0.1.6\",\"10.0.0.2:80-89\"],"
        "\"never_scan\":[\"10.0.2.16/28\"],"
        "\"resolved\":{\"web-1.example\":[\"192.168.0.1\",\"fd00::99\"]},"
        "\"watch\":[{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":9999},"
        "{\"host\":\"web-1.example\",\"proto\":\"udp\",\"port\":53}],"
        "\"canary\":{\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7}}");
    struct portset ports;
    struct addr address;
    (void)state;
    assert_true(has(plan, "10.0.0.0", 22) && has(plan, "10.0.0.3", 90));
    assert_false(has(plan, "10.0.0.4", 22) || has(plan, "10.0.0.3", 91));
    assert_true(has(plan, "10.0.1.5", 80) && has(plan, "10.0.1.7", 80));
    assert_false(has(plan, "10.0.1.6", 80) || has(plan, "10.0.1.8", 80));
    assert_true(has(plan, "10.0.2.255", 22) && has(plan, "10.0.3.1", 22) && !has(plan, "10.0.3.2", 22));
    assert_true(has(plan, "10.0.0.2", 22) && !has(plan, "10.0.0.2", 85) && has(plan, "10.0.0.2", 90));
    assert_false(has(plan, "10.0.2.17", 22));
    assert_int_equal(addr_parse("10.0.0.2", &address), 0);
    assert_true(scan_plan_ports(plan, &address, false, &ports));
    assert_int_equal(portset_count(&ports), 2);
    assert_true(has(plan, "fd00::1", 443) && !has(plan, "fd00::1", 22) && has(plan, "fd00::15", 22));
    assert_true(has(plan, "10.9.9.9", 1000) && !has(plan, "10.9.9.9", 22));
    assert_true(has(plan, "192.168.0.1", 8080) && has(plan, "fd00::99", 8080) && !has(plan, "192.168.0.1", 22));
    assert_true(has(plan, "10.0.0.1", 9999) && !has(plan, "10.0.0.2", 9999));
    assert_int_equal(addr_parse("fd00::99", &address), 0);
    assert_true(scan_plan_has_endpoint(plan, &address, true, 53));
    assert_false(scan_plan_has_endpoint(plan, &address, true, 8080));
    assert_true(scan_plan_name_has(plan, "web-1.example", &address));
    assert_false(scan_plan_name_has(plan, "other.example", &address));
    assert_int_equal(scan_plan_name_count(plan, "web-1.example", true), 1);
    assert_int_equal(addr_parse("10.7.7.7", &address), 0);
    assert_true(scan_plan_is_canary(plan, &address, false, 7) && !scan_plan_is_canary(plan, &address, true, 7));
    assert_false(scan_plan_has_host(plan, &address));
    assert_int_equal(addr_parse("10.0.0.1", &address), 0);
    assert_true(scan_plan_ports(plan, &address, false, &ports));
    /* What is watched only is not what is planned. */
    assert_int_equal(portset_count(&ports), 12);
    scan_plan_destroy(plan);
    scan_plan_destroy(NULL);
}

static void refuses_with_the_field(void **state)
{
    static const struct {
        const char *text;
        const char *named;
    } cases[] = {
        {"{}", "plan/ports"},
        {"{\"ports\":\"ssh\",\"targets\":[\"10.0.0.1\"]}", "plan/ports \"ssh\""},
        {"{\"ports\":\"1\"}", "plan/targets"},
        {"{\"ports\":\"1\",\"targets\":[]}", "plan/targets"},
        {"{\"ports\":\"1\",\"targets\":{}}", "plan/targets"},
        {"{\"ports\":\"1\",\"targets\":[7]}", "plan/targets"},
        {"{\"ports\":\"1\",\"targets\":[\"no.example\"]}", "\"no.example\""},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.9-5\"]}", "\"10.0.0.9-5\""},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.9-256\"]}", "\"10.0.0.9-256\""},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.9-fd00::1\"]}", "plan/targets"},
        {"{\"ports\":\"1\",\"targets\":[\"[fd00::1\"]}", "\"[fd00::1\""},
        {"{\"ports\":\"1\",\"targets\":[\"[fd00::1]x\"]}", "\"[fd00::1]x\""},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.1:\"],\"exclude\":[\"\"]}", "plan/exclude"},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.1:99999\"]}", "plan/ports \"99999\""},
        {"{\"ports\":\"1\",\"targets\":[\"a.example\"],\"resolved\":[]}", "plan/resolved"},
        {"{\"ports\":\"1\",\"targets\":[\"a.example\"],\"resolved\":{\"a.example\":[\"x\"]}}", "plan/resolved"},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.1\"],\"watch\":[{}]}", "plan/watch"},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.1\"],\"watch\":7}", "plan/watch"},
        {"{\"ports\":\"1\",\"targets\":[\"10.0.0.1\"],\"canary\":{\"host\":\"x\",\"proto\":\"tcp\",\"port\":70000}}",
         "plan/canary"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *json = json_loads(cases[i].text, 0, NULL);
        struct scan_plan *plan = NULL;
        char reason[256] = "";
        int rc = scan_plan_create(json, &plan, reason);
        if (rc != -EBADMSG || strstr(reason, cases[i].named) == NULL) {
            fail_msg("%s: %d %s", cases[i].text, rc, reason);
        }
        json_decref(json);
    }
}

static struct scan_plan *plan_for(const char *targets)
{
    char text[512];
    char reason[256];
    struct scan_plan *plan;
    json_t *json;

    snprintf(text, sizeof(text), "{\"targets\":[%s],\"ports\":\"22\"}", targets);
    json = json_loads(text, 0, NULL);
    if (scan_plan_create(json, &plan, reason) < 0) {
        fail_msg("%s: %s", targets, reason);
    }
    json_decref(json);
    return plan;
}

static void tells_whether_plans_share_an_address(void **state)
{
    static const struct {
        const char *one;
        const char *other;
        bool overlap;
    } cases[] = {
        {"\"10.0.0.0/24\"", "\"10.0.1.0/24\"", false},
        {"\"10.0.0.0/24\"", "\"10.0.0.255\"", true},
        {"\"10.0.0.0/8\", \"10.0.0.1\"", "\"10.9.9.9\"", true},
        {"\"10.0.0.1-5\"", "\"10.0.0.5-9\"", true},
        {"\"10.0.0.1-5\"", "\"10.0.0.6-9\"", false},
        {"\"10.0.0.1\", \"10.0.0.3\"", "\"10.0.0.2\", \"10.0.0.4\"", false},
        {"\"10.0.0.9\", \"10.0.0.3\"", "\"10.0.0.2\", \"10.0.0.9:80\"", true},
        {"\"::/0\"", "\"0.0.0.0/0\"", false},
        {"\"fd00::/64\"", "\"10.0.0.1\", \"fd00::7\"", true},
        {"\"0.0.0.0/0\"", "\"255.255.255.255\"", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scan_plan *one = plan_for(cases[i].one);
        struct scan_plan *other = plan_for(cases[i].other);
        if (scan_plan_overlaps(one, other) != cases[i].overlap || scan_plan_overlaps(other, one) != cases[i].overlap) {
            fail_msg("%s and %s", cases[i].one, cases[i].other);
        }
        scan_plan_destroy(one);
        scan_plan_destroy(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_targets),
        cmocka_unit_test(looks_among_targets_that_overlap),
        cmocka_unit_test(tells_whether_plans_share_an_address),
        cmocka_unit_test(refuses_with_the_field),
    };
    return cmocka_run_group_tests_name("scan_plan", tests, NULL, NULL);
}
