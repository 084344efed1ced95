#include "scanner/problem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void says_what_and_returns_the_error(void **state)
{
    struct problem problem;
    (void)state;
    assert_int_equal(problem_set(&problem, -EINVAL, "bad \"%s\"", "a\nb\x7f\x1b"), -EINVAL);
    assert_string_equal(problem.text, "bad \"a\\x0ab\\x7f\\x1b\"");
    assert_int_equal(problem_prefix(&problem, -ENOENT, "%s:%d", "file", 3), -ENOENT);
    assert_string_equal(problem.text, "file:3: bad \"a\\x0ab\\x7f\\x1b\"");
    assert_int_equal(problem_set(NULL, -EIO, "x"), -EIO);
    assert_int_equal(problem_prefix(NULL, -EIO, "x"), -EIO);
}

static void stays_within_its_room(void **state)
{
    static char longest[4 * PROBLEM_TEXT_SIZE];
    struct problem problem;
    (void)state;
    memset(longest, '\n', sizeof(longest) - 1);
    problem_set(&problem, -1, "%s", longest);
    assert_in_range(strlen(problem.text), PROBLEM_TEXT_SIZE - 5, PROBLEM_TEXT_SIZE - 1);
    problem_prefix(&problem, -1, "%s", longest);
    assert_in_range(strlen(problem.text), PROBLEM_TEXT_SIZE / 2, PROBLEM_TEXT_SIZE - 1);
    memset(longest, 'a', sizeof(longest) - 1);
    problem_set(&problem, -1, "%s", longest);
    assert_int_equal(strlen(problem.text), PROBLEM_TEXT_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_and_returns_the_error),
        cmocka_unit_test(stays_within_its_room),
    };
    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
