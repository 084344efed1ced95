#include "cli/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_every_verb_by_its_name(void **state)
{
    size_t count;
    const struct verb *verbs = verb_table(&count);

    (void)state;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(verb_find(verbs[i].name), &verbs[i]);
        assert_ptr_equal(verb_suggest(verbs[i].name), &verbs[i]);
    }
    assert_null(verb_find(""));
    assert_null(verb_find("AUDIT"));
    assert_null(verb_find("audit "));
}

static void suggests_what_is_near(void **state)
{
    static const struct {
        const char *typed;
        const char *meant;
    } cases[] = {
        {"audti", "audit"},   {"sacn", "scan"},     {"scna", "scan"},   {"scann", "scan"},
        {"serv", "serve"},    {"reprot", "report"}, {"rep", "report"},  {"polcy", "policy"},
        {"docter", "doctor"}, {"aduit", "audit"},   {"sever", "serve"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct verb *near = verb_suggest(cases[i].typed);
        assert_non_null(near);
        assert_string_equal(near->name, cases[i].meant);
    }
}

static void suggests_nothing_for_what_is_far(void **state)
{
    char endless[5000];

    (void)state;
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(verb_suggest(""));
    assert_null(verb_suggest("x"));
    assert_null(verb_suggest("kubernetes"));
    assert_null(verb_suggest("\xff\xfe\x01"));
    assert_null(verb_suggest(endless));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_verb_by_its_name),
        cmocka_unit_test(suggests_what_is_near),
        cmocka_unit_test(suggests_nothing_for_what_is_far),
    };
    return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
