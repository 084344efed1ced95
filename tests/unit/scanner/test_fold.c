#include "scanner/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool take(struct fold *fold, const char *code, uint8_t host, const char *gist)
{
    struct addr addr = {.bytes = {10, 0, 0, host}};
    char text[ADDR_TEXT_SIZE];
    char message[FOLD_TEXT_SIZE];
    struct observation_notice notice = {.code = code, .message = message, .host = &addr};

    snprintf(message, sizeof(message), "%s: %s", addr_format(&addr, text), gist);
    return fold_take(fold, &notice);
}

static void the_first_are_said_and_the_rest_is_counted(void **state)
{
    struct fold fold = {0};
    char text[FOLD_TEXT_SIZE];

    (void)state;
    for (int i = 0; i < FOLD_SAID; i++) {
        assert_true(take(&fold, "eased", (uint8_t)i, "slow"));
        assert_true(take(&fold, "unreachable", (uint8_t)i, "no way"));
    }
    assert_false(fold_next(&fold, text));
    assert_false(take(&fold, "eased", 100, "slow"));
    assert_false(take(&fold, "eased", 101, "slower"));
    assert_false(take(&fold, "unreachable", 100, "no way"));
    assert_true(fold_next(&fold, text));
    assert_string_equal(text, "… and 2 more hosts: slower");
    assert_true(fold_next(&fold, text));
    assert_string_equal(text, "… and 1 more host: no way");
    assert_false(fold_next(&fold, text));
    assert_true(take(&fold, "eased", 1, "slow"));
}

static void what_names_no_host_is_always_said(void **state)
{
    struct fold fold = {0};
    struct observation_notice notice = {.code = "limit", .message = "low"};
    char text[FOLD_TEXT_SIZE];

    (void)state;
    for (int i = 0; i < 3 * FOLD_SAID; i++) {
        assert_true(fold_take(&fold, &notice));
    }
    assert_false(fold_next(&fold, text));
}

static void messages_and_codes_of_any_length(void **state)
{
    struct fold fold = {0};
    struct addr addr = {.bytes = {10, 0, 0, 1}};
    char code[2 * FOLD_CODE_SIZE] = {0};
    char message[4 * FOLD_TEXT_SIZE] = {0};
    struct observation_notice notice = {.code = code, .message = message, .host = &addr};
    char text[FOLD_TEXT_SIZE];

    (void)state;
    memset(code, 'c', sizeof(code) - 1);
    memset(message, 'm', sizeof(message) - 1);
    for (int i = 0; i < FOLD_SAID; i++) {
        assert_true(fold_take(&fold, &notice));
    }
    assert_false(fold_take(&fold, &notice));
    assert_true(fold_next(&fold, text));
    assert_true(strlen(text) < sizeof(text));
    /* More codes than there is room for: nothing is lost. */
    for (int i = 0; i < 2 * FOLD_CODES * FOLD_SAID; i++) {
        snprintf(code, sizeof(code), "code-%d", i % (2 * FOLD_CODES));
        assert_true(fold_take(&fold, &notice));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_are_said_and_the_rest_is_counted),
        cmocka_unit_test(what_names_no_host_is_always_said),
        cmocka_unit_test(messages_and_codes_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
