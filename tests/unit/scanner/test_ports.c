#include "scanner/ports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void reads_expressions(void **state)
{
    static const char *const cases[][2] = {
        {"22", "22"},
        {"22,80-90,443", "22,80-90,443"},
        {"80,80,79-81", "79-81"},
        {"-3", "1-3"},
        {"65533-", "65533-65535"},
        {"all", "1-65535"},
        {"all,0", "0-65535"},
        {"all,!2-65534", "1,65535"},
        {"!23,22-24", "22,24"},
        {"ssh,HTTPS", "22,443"},
        {"http-alt", "8080"},
        {"65535", "65535"},
        {"0000022", "22"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct portset set;
        struct problem problem;
        assert_int_equal(ports_parse(cases[i][0], NULL, "tcp", &set, &problem), 0);
        char *text = portset_format(&set);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

static void knows_common(void **state)
{
    struct portset set;
    struct portset expected = {0};
    struct problem problem;
    (void)state;
    assert_int_equal(ports_parse("common", NULL, "tcp", &set, &problem), 0);
    service_common_ports("tcp", &expected);
    assert_true(portset_equal(&set, &expected));
}

static void means_the_protocol_that_it_is_told(void **state)
{
    struct portset set;
    struct portset expected = {0};
    struct problem problem;
    (void)state;
    service_common_ports("udp", &expected);
    assert_int_equal(ports_parse("common", NULL, "udp", &set, &problem), 0);
    assert_true(portset_equal(&set, &expected) && !portset_has(&set, 22));
    assert_int_equal(ports_parse("snmp,TFTP", NULL, "udp", &set, &problem), 0);
    assert_true(portset_count(&set) == 2 && portset_has(&set, 161) && portset_has(&set, 69));
    assert_int_equal(ports_parse("ssh", NULL, "udp", &set, &problem), -ENOENT);
    assert_non_null(strstr(problem.text, "no UDP service is called \"ssh\""));
    assert_int_equal(ports_parse("snmp", NULL, "tcp", &set, &problem), -ENOENT);
}

static void refuses_and_says_why(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *says;
    } cases[] = {
        {"", -EINVAL, "column 1: an item is missing"},
        {"22,,80", -EINVAL, "column 4: an item is missing"},
        {"22,", -EINVAL, "column 4"},
        {"!", -EINVAL, "column 1"},
        {"-", -EINVAL, "not a range"},
        {"--", -EINVAL, "not a range"},
        {"1-2-3", -EINVAL, "not a range"},
        {"65536", -ERANGE, "65536 is not a port"},
        {"99999999999999999999999", -ERANGE, "is not a port"},
        {"1-70000", -ERANGE, "70000 is not a port"},
        {"90-80", -ERANGE, "runs backwards"},
        {"sssh", -ENOENT, "no TCP service is called \"sssh\""},
        {"22, 80", -EINVAL, "column 4: a space"},
        {"22;80", -ENOENT, "22;80"},
        {"all,!all", -EINVAL, "nothing is left"},
        {"!22", -EINVAL, "nothing is left"},
        {"0x16", -ENOENT, "0x16"},
        {"\x1b[2J", -ENOENT, "\\x1b"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -EINVAL, "too long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct portset set;
        struct problem problem = {{0}};
        assert_int_equal(ports_parse(cases[i].text, NULL, "tcp", &set, &problem), cases[i].rc);
        if (strstr(problem.text, cases[i].says) == NULL) {
            fail_msg("\"%s\" gave: %s", cases[i].text, problem.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_expressions),
        cmocka_unit_test(knows_common),
        cmocka_unit_test(means_the_protocol_that_it_is_told),
        cmocka_unit_test(refuses_and_says_why),
    };
    return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
