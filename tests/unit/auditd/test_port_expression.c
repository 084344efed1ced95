#include "auditd/policy/port_expression.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void takes_numbers_ranges_and_names(void **state)
{
    static const struct {
        const char *text;
        const char *ports;
    } cases[] = {
        {"22", "22"},
        {"0", "0"},
        {"65535", "65535"},
        {"22,80, 443", "22,80,443"},
        {"80-90", "80-90"},
        {"-3", "1-3"},
        {"65530-", "65530-65535"},
        {"all", "1-65535"},
        {"any", "1-65535"},
        {"ssh", "22"},
        {"SSH", "22"},
        {"kafka", "9092,9094,9096,9098"},
        {"postgresql", "5432"},
        {"https,ssh", "22,443"},
        {"80-90,!85", "80-84,86-90"},
        {"!22,all", "1-21,23-65535"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char reason[PORT_EXPRESSION_REASON_SIZE] = "";
        struct portset set;
        if (port_expression_parse(cases[i].text, NULL, &set, reason) != 0) {
            fail_msg("%s: %s", cases[i].text, reason);
        }
        char *text = portset_format(&set);
        assert_string_equal(text, cases[i].ports);
        free(text);
    }
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "a port is missing"},
        {"22,", "a port is missing"},
        {",22", "a port is missing"},
        {"22,,80", "a port is missing"},
        {"!", "a port is missing"},
        {"65536", "past the last port"},
        {"1-65536", "past the last port"},
        {"99999999999999999999999", "past the last port"},
        {"90-80", "runs backwards"},
        {"-", "is no range"},
        {"-0", "runs backwards"},
        {"1-2-3", "is neither a port"},
        {"0x16", "is neither a port"},
        {"2 2", "is neither a port"},
        {"+22", "is neither a port"},
        {"shs", "\"shs\" is neither a port (0 to 65535), a range (80-90) nor a known service"},
        {"22,!22", "leaves no port"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "too long"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char reason[PORT_EXPRESSION_REASON_SIZE] = "";
        struct portset set;
        assert_int_equal(port_expression_parse(cases[i].text, NULL, &set, reason), -EINVAL);
        if (strstr(reason, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].text, reason);
        }
    }
}

/* "common" stands for our own table: it is large, and has what everybody scans for. */
static void knows_common_ports(void **state)
{
    char reason[PORT_EXPRESSION_REASON_SIZE];
    struct portset set;

    (void)state;
    assert_int_equal(port_expression_parse("common", NULL, &set, reason), 0);
    assert_true(portset_count(&set) > 100);
    assert_true(portset_has(&set, 22) && portset_has(&set, 443) && portset_has(&set, 3306));
}

/* What a scan of TCP is given must not bring along ports that only UDP knows by the name. */
static void keeps_to_a_protocol(void **state)
{
    static const struct {
        const char *text;
        const char *proto;
        const char *ports; /* NULL: refused */
    } cases[] = {
        {"tftp", NULL, "69"},   {"tftp", "udp", "69"},     {"tftp", "tcp", NULL},
        {"kafka", "udp", NULL}, {"any", "tcp", "1-65535"}, {"69", "tcp", "69"},
    };
    char reason[PORT_EXPRESSION_REASON_SIZE];
    struct portset set;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int rc = port_expression_parse(cases[i].text, cases[i].proto, &set, reason);
        char *text = rc == 0 ? portset_format(&set) : NULL;
        assert_int_equal(rc, cases[i].ports == NULL ? -EINVAL : 0);
        if (cases[i].ports != NULL) {
            assert_string_equal(text, cases[i].ports);
        }
        free(text);
    }
    assert_int_equal(port_expression_parse("common", "tcp", &set, reason), 0);
    struct portset both;
    assert_int_equal(port_expression_parse("common", NULL, &both, reason), 0);
    assert_true(portset_count(&set) < portset_count(&both));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_numbers_ranges_and_names),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(knows_common_ports),
        cmocka_unit_test(keeps_to_a_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
