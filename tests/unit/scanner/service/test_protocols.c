#include "scanner/service/protocol.h"

#include "lib/lockout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Whoever decides that a server is not asked again means those that are asked with care. */
static void delicate_are_those_that_lock_out(void **state)
{
    size_t count;
    const struct protocol *const *table = protocols(&count);
    size_t delicate = 0;
    size_t known;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        delicate += table[i]->delicate;
        if (table[i]->delicate != lockout_has(table[i]->name)) {
            fail_msg("%s", table[i]->name);
        }
    }
    (void)lockout_services(&known);
    assert_int_equal(delicate, known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delicate_are_those_that_lock_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
