#include "lib/role.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_role_may_what_those_before_it_may(void **state)
{
    enum role role;

    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++) {
        assert_int_equal(role_parse(role_name((enum role)i), &role), 0);
        assert_int_equal(role, i);
        assert_true(i == 0 || (role_scopes((enum role)(i - 1)) & ~role_scopes(role)) == 0);
    }
    assert_int_equal(role_scopes(ROLE_VIEWER) & (SCOPE_TOKENS | SCOPE_AUDIT_LOG), 0);
    assert_int_equal(role_scopes(ROLE_ADMIN) & (SCOPE_TOKENS | SCOPE_AUDIT_LOG), SCOPE_TOKENS | SCOPE_AUDIT_LOG);
    assert_int_equal(role_parse("Admin", &role), -EINVAL);
    assert_int_equal(role_parse("", &role), -EINVAL);
}

static void scopes_are_words_with_blanks_between(void **state)
{
    char text[SCOPES_TEXT_SIZE];
    enum scope scope;

    (void)state;
    assert_int_equal(scopes_parse(scopes_format(role_scopes(ROLE_ADMIN), text)), role_scopes(ROLE_ADMIN));
    assert_string_equal(scopes_format(SCOPE_METRICS | SCOPE_READ, text), "read metrics");
    assert_string_equal(scopes_format(0, text), "");
    assert_int_equal(scopes_parse(""), 0);
    assert_int_equal(scopes_parse("  metrics   of-a-newer-version-and-a-very-long-name read"),
                     SCOPE_READ | SCOPE_METRICS);
    assert_int_equal(scopes_parse("rea readx read,metrics"), 0);
    assert_int_equal(scope_parse("tokens", &scope), 0);
    assert_int_equal(scope, SCOPE_TOKENS);
    assert_int_equal(scope_parse("all", &scope), -EINVAL);
    assert_string_equal(scope_name(SCOPE_AUDIT_LOG), "audit-log");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_may_what_those_before_it_may),
        cmocka_unit_test(scopes_are_words_with_blanks_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
