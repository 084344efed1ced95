#include "auditd/plan_echo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

static int check(const char *sent_text, const char *told_text, char *reason)
{
    json_t *sent = parse(sent_text);
    json_t *told = parse(told_text);
    int rc;

    reason[0] = '\0';
    rc = plan_echo_check(sent, told, reason);
    json_decref(sent);
    json_decref(told);
    return rc;
}

#define SENT                                                                                                           \
    "\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"22,80-90\",\"targets\":[\"10.0.0.1\",\"DB.example.:ssh,90-91\","    \
    "\"[fd00::1]/120:https\",\"fe80::1\",\"10.0.0.1-50:22\"],\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"tcp\","     \
    "\"port\":23}],\"retries\":2"
#define TOLD                                                                                                           \
    "\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"22,80-90\",\"targets\":[\"10.0.0.1\",\"db.example:22,90-91\","      \
    "\"[fd00::1/120]:443\",\"fe80::1\",\"10.0.0.1-50:22\"],\"retries\":2"
#define WATCH "\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"tcp\",\"port\":23}]"

/* As the scanner writes a plan: ports as numbers, names in small letters, and what it added. */
static void a_scanners_own_words_are_the_same(void **state)
{
    char reason[PLAN_ECHO_REASON_SIZE];
    (void)state;
    if (check("{" SENT "}",
              "{" TOLD "," WATCH
              ",\"exclude\":[],\"never_scan\":[],\"seed\":\"00\",\"slab\":{\"hosts\":1,\"probes\":9},"
              "\"resolved\":{\"db.example\":[\"10.0.0.9\"]},\"probes\":[\"connect\"]}",
              reason) != 0) {
        fail_msg("%s", reason);
    }
    assert_int_equal(
        check("{" SENT ",\"never_scan\":[\"10.0.0.9\"],\"scope\":[\"fd00::1/8\"],\"canary\":{\"host\":"
              "\"FD00::1\",\"proto\":\"tcp\",\"port\":1},\"resolved\":{\"a\":[\"::1\"]}}",
              "{" TOLD "," WATCH
              ",\"never_scan\":[\"10.0.0.9/32\"],\"scope\":[\"fd00::/8\"],\"canary\":{\"host\":\"fd00::1\","
              "\"proto\":\"tcp\",\"port\":1},\"resolved\":{\"a\":[\"::1\"],\"b\":[\"::2\"]}}",
              reason),
        0);
}

static void whatever_else_differs_is_named(void **state)
{
    static const struct {
        const char *sent;
        const char *told;
        const char *named;
    } cases[] = {
        {"", "\"realm\":\"s\"", "realm"},
        {"\"realm\":\"s\"", "", "realm"},
        {"\"vantage\":\"v\"", "\"vantage\":\"w\"", "vantage"},
        {"\"ports\":\"22\"", "\"ports\":\"22-23\"", "ports"},
        {"\"ports\":\"22\"", "\"ports\":22", "ports"},
        {"\"targets\":[\"10.0.0.1\"]", "\"targets\":[\"10.0.0.1\",\"10.0.0.2\"]", "targets"},
        {"\"targets\":[\"10.0.0.1\"]", "\"targets\":[]", "targets"},
        {"\"targets\":[\"10.0.0.1\"]", "\"targets\":[\"10.0.0.1:22\"]", "targets"},
        {"\"targets\":[\"10.0.0.1:22\"]", "\"targets\":[\"10.0.0.1\"]", "targets"},
        {"\"targets\":[\"10.0.0.1:22\"]", "\"targets\":[\"10.0.0.1:22,23\"]", "targets"},
        {"\"targets\":[\"db\"]", "\"targets\":[\"db.example\"]", "targets"},
        {"\"targets\":[\"db.example\"]", "\"targets\":[\"db\"]", "targets"},
        {"\"targets\":[\"db\"]", "\"targets\":[\"db:\"]", "targets"},
        {"\"targets\":[\"10.0.0.0/24\"]", "\"targets\":[\"10.0.0.0/8\"]", "targets"},
        {"\"targets\":[7]", "\"targets\":[7]", "targets"},
        {"\"exclude\":[\"10.0.0.1\"]", "", "exclude"},
        {"\"never_scan\":[\"10.0.0.0/8\"]", "\"never_scan\":[\"10.0.0.0/9\"]", "never_scan"},
        {"\"scope\":[\"10.0.0.0/8\"]", "", "scope"},
        {"", "\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"tcp\",\"port\":23}]", "watch"},
        {WATCH, "\"watch\":[{\"host\":\"10.0.0.3\",\"proto\":\"tcp\",\"port\":23}]", "watch"},
        {WATCH, "\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"tcp\",\"port\":24}]", "watch"},
        {WATCH, "\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"udp\",\"port\":23}]", "watch"},
        {WATCH, "\"watch\":{}", "watch"},
        {"", "\"canary\":{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":1}", "canary"},
        {"", "\"shard\":{\"index\":1,\"count\":2}", "shard"},
        {"\"services\":{\"doors\":false}", "\"services\":{\"doors\":true}", "services"},
        {"\"services\":{\"doors\":true}", "", "services"},
        {"\"resolved\":{\"a\":[\"::1\"]}", "\"resolved\":{\"a\":[\"::2\"]}", "resolved"},
        {"\"resolved\":{\"a\":[\"::1\"]}", "", "resolved"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char sent[256];
        char told[256];
        char named[32];
        char reason[PLAN_ECHO_REASON_SIZE];
        const char *ports = strstr(cases[i].named, "ports") != NULL ? "" : "\"ports\":\"1\"";
        snprintf(sent, sizeof(sent), "{%s%s%s}", ports, ports[0] != '\0' && cases[i].sent[0] != '\0' ? "," : "",
                 cases[i].sent);
        snprintf(told, sizeof(told), "{%s%s%s}", ports, ports[0] != '\0' && cases[i].told[0] != '\0' ? "," : "",
                 cases[i].told);
        snprintf(named, sizeof(named), "\"%s\" differs", cases[i].named);
        assert_int_equal(check(sent, told, reason), -EBADMSG);
        if (strstr(reason, named) == NULL) {
            fail_msg("%s: %s", told, reason);
        }
    }
}

/* Where two ways were sent the scanner takes one, and no third. */
static void the_scanner_chooses_among_what_was_sent(void **state)
{
    static const struct {
        const char *sent;
        const char *told;
        int rc;
    } cases[] = {
        {"[\"syn\",\"connect\"]", "[\"syn\"]", 0},        {"[\"syn\",\"connect\"]", "[\"connect\"]", 0},
        {"[\"syn\",\"connect\"]", "[\"udp\"]", -EBADMSG}, {"[\"syn\",\"connect\"]", "[\"syn\",\"connect\"]", -EBADMSG},
        {"[\"syn\",\"connect\"]", "[]", -EBADMSG},        {"[\"syn\"]", "[\"syn\"]", 0},
        {"[\"syn\"]", "[\"connect\"]", -EBADMSG},         {"[\"connect\"]", "[\"syn\"]", -EBADMSG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char reason[PLAN_ECHO_REASON_SIZE];
        char sent[1024];
        char told[1024];
        snprintf(sent, sizeof(sent), "{" SENT ",\"probes\":%s}", cases[i].sent);
        snprintf(told, sizeof(told), "{" TOLD "," WATCH ",\"resolved\":{},\"probes\":%s}", cases[i].told);
        assert_int_equal(check(sent, told, reason), cases[i].rc);
        assert_true(cases[i].rc == 0 || strstr(reason, "probes") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scanners_own_words_are_the_same),
        cmocka_unit_test(whatever_else_differs_is_named),
        cmocka_unit_test(the_scanner_chooses_among_what_was_sent),
    };
    return cmocka_run_group_tests_name("plan_echo", tests, NULL, NULL);
}
