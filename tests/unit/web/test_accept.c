#include "web/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_as_rfc_9110_says(void **state)
{
    static const struct {
        const char *accept;
        bool json;
    } cases[] = {
        {NULL, true},
        {"", true},
        {" ", true},
        {"*/*", true},
        {"application/*", true},
        {"APPLICATION/JSON", true},
        {"text/html", false},
        {"application/jsonx", false},
        {"application/json;q=0", false},
        {"application/json; q=0.000", false},
        {"application/json;q=0.001", true},
        {"application/json;version=1", true},
        {"text/html, application/json", true},
        {"*/*;q=0, application/json", true},
        {"application/json;q=0, */*", false},
        {"*/*;q=0", false},
        {",,,", false},
        {",application/json", true},
        {"text/html;q=0,*/*;q=0.5", true},
        {"application/*;q=0,*/*", false},
        {";q=0", false},
        {"*", false},
        {"application/json;q=0.", false},
        {"\t*/*\t", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(accept_takes(cases[i].accept, "application/json"), cases[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_as_rfc_9110_says),
    };
    return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
