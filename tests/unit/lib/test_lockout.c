#include "lib/lockout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void has_what_it_lists_and_nothing_else(void **state)
{
    size_t count;
    const char *const *services = lockout_services(&count);

    (void)state;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(lockout_has(services[i]));
        assert_true(i == 0 || strcmp(services[i - 1], services[i]) < 0);
    }
    assert_true(lockout_has("mysql"));
    assert_false(lockout_has("redis"));
    assert_false(lockout_has("mysq"));
    assert_false(lockout_has(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_it_lists_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
