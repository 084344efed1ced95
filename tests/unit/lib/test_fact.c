#include "lib/fact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A person who writes a policy finds each of them in docs/facts.md, with its meaning. */
static void each_is_documented(void **state)
{
    static const char own[] = "tests/unit/lib/test_fact.c";
    size_t count;
    const struct fact_kind *kinds = fact_kinds(&count);
    char *text = calloc(1, 65536);
    char path[512];
    FILE *file;

    (void)state;
    snprintf(path, sizeof(path), "%.*sdocs/facts.md", (int)(strlen(__FILE__) - strlen(own)), __FILE__);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_in_range(fread(text, 1, 65535, file), 1000, 65534);
    fclose(file);
    for (size_t i = 0; i < count; i++) {
        char row[64];
        const char *found;
        snprintf(row, sizeof(row), "| `%s` |", kinds[i].name);
        found = strstr(text, row);
        if (found == NULL || strstr(found, kinds[i].meaning) == NULL) {
            fail_msg("docs/facts.md says nothing, or something else, of %s", kinds[i].name);
        }
    }
    free(text);
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
        cmocka_unit_test(each_is_documented),
        cmocka_unit_test(versions_are_compared_by_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
