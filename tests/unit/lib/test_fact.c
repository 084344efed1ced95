#include "lib/fact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_are_in_order_and_are_found(void **state)
{
    size_t count;
    const struct fact_kind *kinds = fact_kinds(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(fact_kind_find(kinds[i].name), &kinds[i]);
        assert_true(i == 0 || strcmp(kinds[i - 1].name, kinds[i].name) < 0);
        assert_true(strlen(kinds[i].meaning) > 0);
    }
    assert_null(fact_kind_find(""));
    assert_null(fact_kind_find("tls.versio"));
    assert_null(fact_kind_find("tls.versionss"));
}

static void versions_are_compared_by_their_numbers(void **state)
{
    static const char *const ascending[] = {
        "",    "1",     "1.0",  "1.2", "1.9",  "1.10", "1.10a", "1.10b",
        "9.2", "9.2p1", "9.10", "10",  "10.0", "100",  "2022",  "99999999999999999999",
        "x"};
    const size_t count = sizeof(ascending) / sizeof(*ascending);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = fact_compare_versions(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(fact_compare_versions("1.02", "1.2"), 0);
    assert_int_equal(fact_compare_versions("1.00", "1.0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_in_order_and_are_found),
        cmocka_unit_test(versions_are_compared_by_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
