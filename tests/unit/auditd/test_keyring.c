#include "auditd/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Entries that can be written to, as those on a program's stack. */
static char secret[] = "AWS_SECRET_ACCESS_KEY=very secret";
static char again[] = "AWS_SECRET_ACCESS_KEY=a second one";
static char endpoint[] = "AWS_ENDPOINT_URL_EC2=https://of.the.environment";
static char region[] = "AWS_REGION=eu-west-1";
static char path[] = "PATH=/bin";
static char other[] = "OTHER_SECRET=x";
static char name_alone[] = "AWS_NOTHING";

static size_t count_of(char **entries, const char *entry)
{
    size_t count = 0;

    for (; *entries != NULL; entries++) {
        count += strcmp(*entries, entry) == 0;
    }
    return count;
}

static void takes_what_is_of_aws(void **state)
{
    char *entries[] = {secret, path, again, endpoint, other, region, name_alone, NULL};
    char own_endpoint[] = "AWS_ENDPOINT_URL=http://127.0.0.1:1";
    char own_region[] = "AWS_REGION=eu-west-2";
    char *nothing[] = {NULL};
    char *more[] = {own_endpoint, own_region, NULL};
    char **before = environ;
    struct keyring *keyring = NULL;
    char **given;

    (void)state;
    environ = entries;
    assert_int_equal(keyring_take(&keyring), 0);
    /* Gone from the environment, and from where they stood. */
    assert_string_equal(environ[0], "PATH=/bin");
    assert_string_equal(environ[1], "OTHER_SECRET=x");
    assert_string_equal(environ[2], "AWS_NOTHING");
    assert_null(environ[3]);
    for (size_t i = 0; i < sizeof(secret); i++) {
        assert_int_equal(secret[i], 0);
    }
    assert_int_equal(again[0], 0);

    given = keyring_environment(keyring, nothing);
    assert_int_equal(count_of(given, "AWS_SECRET_ACCESS_KEY=very secret"), 1);
    assert_int_equal(count_of(given, "AWS_ENDPOINT_URL_EC2=https://of.the.environment"), 1);
    assert_int_equal(count_of(given, "PATH=/bin"), 1);
    assert_int_equal(count_of(given, "OTHER_SECRET=x"), 0);
    free(given);

    given = keyring_environment(keyring, more);
    assert_int_equal(count_of(given, "AWS_ENDPOINT_URL_EC2=https://of.the.environment"), 0);
    assert_int_equal(count_of(given, own_endpoint), 1);
    assert_int_equal(count_of(given, own_region), 1);
    assert_int_equal(count_of(given, "AWS_REGION=eu-west-1"), 0);
    free(given);
    keyring_destroy(keyring);
    environ = before;
}

static void takes_nothing_of_nothing(void **state)
{
    char *entries[] = {path, NULL};
    char *nothing[] = {NULL};
    char **before = environ;
    struct keyring *keyring = NULL;
    char **given;

    (void)state;
    environ = entries;
    assert_int_equal(keyring_take(&keyring), 0);
    given = keyring_environment(keyring, nothing);
    assert_string_equal(given[0], "PATH=/bin");
    assert_null(given[1]);
    free(given);
    keyring_destroy(keyring);
    keyring_destroy(NULL);
    environ = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_of_aws),
        cmocka_unit_test(takes_nothing_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
