#include "scanner/plan_known.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool has(const struct plan_known *known, const char *host, uint16_t port)
{
    struct addr addr;

    assert_int_equal(addr_parse(host, &addr), 0);
    return plan_known_has(known, &addr, port);
}

#define ASKED ",\"service\":\"mysql\",\"asked\":\"2026-11-22T12:00:00.000Z\"}"

static void finds_what_it_has_and_writes_it_as_it_was(void **state)
{
    json_t *array = json_loads("[{\"host\":\"10.0.0.9\",\"proto\":\"tcp\",\"port\":3306" ASKED
                               ",{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":3307" ASKED
                               ",{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":3306" ASKED
                               ",{\"host\":\"fd00::1\",\"proto\":\"tcp\",\"port\":0" ASKED "]",
                               0, NULL);
    struct plan_known *known = NULL;
    struct problem problem = {0};
    json_t *written;

    (void)state;
    assert_int_equal(plan_known_read(array, &known, &problem), 0);
    assert_true(has(known, "10.0.0.5", 3306) && has(known, "10.0.0.5", 3307) && has(known, "10.0.0.9", 3306));
    assert_true(has(known, "fd00::1", 0));
    assert_false(has(known, "10.0.0.9", 3307) || has(known, "10.0.0.6", 3306) || has(known, "fd00::1", 1));
    assert_false(has(NULL, "10.0.0.5", 3306));
    written = plan_known_write(known);
    assert_true(json_equal(written, array));
    json_decref(written);
    json_decref(array);
    plan_known_destroy(known);
}

static void refuses_what_is_amiss(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{}", "plan/services/known: must be an array"},
        {"[1]", "plan/services/known/0: must have host"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"service\":\"mysql\"}]", "must have host"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"x\":1" ASKED "]", "and nothing else"},
        {"[{\"host\":\"db.example\",\"proto\":\"tcp\",\"port\":1" ASKED "]", "host must be an address"},
        {"[{\"host\":5,\"proto\":\"tcp\",\"port\":1" ASKED "]", "host must be an address"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"udp\",\"port\":1" ASKED "]", "proto must be tcp"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":65536" ASKED "]", "port must be a number"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":-1" ASKED "]", "port must be a number"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":\"1\"" ASKED "]", "port must be a number"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1" ASKED
         ",{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"service\":\"\",\"asked\":\"2026-11-22T12:00:00Z\"}]",
         "plan/services/known/1: service must be"},
        {"[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":1,\"service\":\"mysql\",\"asked\":\"now\"}]",
         "asked must be a time"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan_known *known = NULL;
        struct problem problem = {0};
        json_t *json = json_loads(cases[i].text, 0, NULL);
        assert_non_null(json);
        assert_int_equal(plan_known_read(json, &known, &problem), -EINVAL);
        assert_null(known);
        if (strstr(problem.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, problem.text);
        }
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_has_and_writes_it_as_it_was),
        cmocka_unit_test(refuses_what_is_amiss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
