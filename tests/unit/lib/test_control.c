#include "lib/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void knows_c0_del_and_c1(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"", 0},     {" ", 0},        {"~", 0},        {"\x01", 1},         {"\x1b[2J", 1},  {"\n", 1},
        {"\x7f", 1}, {"\xc2\x80", 2}, {"\xc2\x9f", 2}, {"\xc2\xa0", 0},     {"\xc3\x80", 0}, {"\xc2", 0},
        {"\x9b", 0}, {"\xc2\x7f", 0}, {"\xc2\xc2", 0}, {"\xe2\x80\x80", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(control_length(cases[i].text), cases[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_c0_del_and_c1)};
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
