#include "auditd/config/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void escapes_what_a_terminal_would_obey(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    problems_add(&problems, PROBLEM_ERROR, (struct mark){1, 2}, "/a\x1b", "key \"%s\"",
                 "\n\x7f\xc2\x9b\xc2\xa0\xc3\xa9");
    assert_string_equal(problems.errors[0].pointer, "/a\\x1b");
    assert_string_equal(problems.errors[0].message, "key \"\\x0a\\x7f\\xc2\\x9b\xc2\xa0\xc3\xa9\"");
}

static void cuts_between_characters(void **state)
{
    char text[2 * PROBLEM_TEXT_SIZE];
    struct problems problems;
    (void)state;
    for (size_t before = 0; before < 8; before++) {
        problems_init(&problems);
        memset(text, 'a', sizeof(text));
        for (size_t i = before; i + 2 < sizeof(text); i += 2) {
            memcpy(text + i, i % 4 < 2 ? "\xc2\x9b" : "\xc3\xa9", 2);
        }
        text[sizeof(text) - 1] = '\0';
        problems_add(&problems, PROBLEM_WARNING, (struct mark){0}, NULL, "%s", text);
        size_t length = strlen(problems.warnings[0].message);
        assert_in_range(length, PROBLEM_TEXT_SIZE - 10, PROBLEM_TEXT_SIZE - 1);
        assert_int_not_equal((unsigned char)problems.warnings[0].message[length - 1], 0xc3);
        assert_null(strstr(problems.warnings[0].message, "\xc2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_would_obey),
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
