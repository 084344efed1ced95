#include "web/cursor.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void comes_back_under_its_own_binding_only(void **state)
{
    const struct cursor_binding binding = {.hash = {1}};
    const struct cursor_binding other = {.hash = {2}};
    const struct store_position position = {true, -0.125, INT64_MAX};
    struct store_position back;
    char text[CURSOR_TEXT_SIZE];
    (void)state;
    cursor_format(&binding, &position, text);
    assert_int_equal(cursor_parse(text, &binding, &back), 0);
    assert_true(back.is_set);
    assert_float_equal(back.key, position.key, 0);
    assert_int_equal(back.id, position.id);
    assert_int_equal(cursor_parse(text, &other, &back), -EINVAL);
}

static void every_changed_byte_is_found(void **state)
{
    static const char *const rubbish[] = {
        "", "x", "====", "AAAA AAAA", "\xff", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    const struct cursor_binding binding = {.hash = {1}};
    const struct store_position position = {true, 4, 7};
    struct store_position back;
    char text[CURSOR_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(*rubbish); i++) {
        assert_int_equal(cursor_parse(rubbish[i], &binding, &back), -EINVAL);
    }
    cursor_format(&binding, &position, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(cursor_parse(text, &binding, &back), -EINVAL);
        text[i] = '\0';
        assert_int_equal(cursor_parse(text, &binding, &back), -EINVAL);
        text[i] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_under_its_own_binding_only),
        cmocka_unit_test(every_changed_byte_is_found),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
