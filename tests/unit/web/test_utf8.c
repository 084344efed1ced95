#include "web/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_what_rfc_3629_takes(void **state)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_true(utf8_is_valid(texts[i], strlen(texts[i])));
    }
    assert_int_equal(utf8_sequence("\xf0\x9f\x98\x80", 4), 4);
}

static void refuses_the_rest(void **state)
{
    static const char *const texts[] = {
        "\x80",         "\xc0\xaf",     "\xc1\xbf",         "\xc2",         "\xe0\x9f\xbf",     "\xe2\x82",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "\xe2\x28\xa1", "\xf0\x90\x28\xbc"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(utf8_sequence(texts[i], strlen(texts[i])), 0);
    }
    assert_int_equal(utf8_sequence("a", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_rfc_3629_takes),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
