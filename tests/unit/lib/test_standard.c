#include "lib/standard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_control_has_its_edition(void **state)
{
    size_t count;
    const struct standard_control *controls = standard_controls(&count);
    const char *const *ids = standard_control_ids();

    (void)state;
    assert_true(count > 5);
    for (size_t i = 0; i < count; i++) {
        const struct standard_control *control = &controls[i];
        assert_ptr_equal(standard_control_find(control->id), control);
        assert_string_equal(ids[i], control->id);
        assert_true(strlen(control->id) < STANDARD_ID_SIZE);
        assert_non_null(strchr(control->id, ':'));
        assert_string_equal(strchr(control->id, ':') + 1, control->number);
        assert_true(control->edition[0] != '\0' && control->standard[0] != '\0' && control->title[0] != '\0');
    }
    assert_null(ids[count]);
    assert_null(standard_control_find("cis-aws-3.0.0:9.9"));
    assert_null(standard_control_find(""));
}

static void walks_lists_and_passes_over_what_it_does_not_know(void **state)
{
    char long_list[512];
    const char *list = "nist-800-53-r5:SC-7 gone:1  cis-aws-3.0.0:5.2";
    const char *hostile = long_list;

    (void)state;
    assert_string_equal(standard_control_next(&list)->number, "SC-7");
    assert_string_equal(standard_control_next(&list)->edition, "v3.0.0");
    assert_null(standard_control_next(&list));
    assert_null(standard_control_next(&list));
    memset(long_list, 'x', sizeof(long_list));
    long_list[sizeof(long_list) - 1] = '\0';
    assert_null(standard_control_next(&hostile));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_control_has_its_edition),
        cmocka_unit_test(walks_lists_and_passes_over_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
