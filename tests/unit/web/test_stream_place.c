#include "web/stream_place.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct store_stream_place place = {7, 123456789012345678, 0, -2};
static const unsigned char key[STORE_STREAM_KEY_BYTES] = "this key has thirty-two bytes..";

static void comes_back_as_it_was(void **state)
{
    char text[STREAM_PLACE_TEXT_SIZE];
    struct store_stream_place back;
    (void)state;
    for (int i = 0; i < 2; i++) {
        stream_place_format(&place, i == 0 ? NULL : key, text);
        assert_int_equal(stream_place_parse(text, i == 0 ? NULL : key, &back), 0);
        assert_true(stream_place_is_same(&place, &back));
    }
    back.mark++;
    assert_false(stream_place_is_same(&place, &back));
}

static void is_plain_without_a_key(void **state)
{
    char text[STREAM_PLACE_TEXT_SIZE];
    (void)state;
    stream_place_format(&place, NULL, text);
    assert_string_equal(text, "7-123456789012345678-0-fffffffffffffffe");
}

static void says_nothing_with_a_key(void **state)
{
    char one[STREAM_PLACE_TEXT_SIZE];
    char other[STREAM_PLACE_TEXT_SIZE];
    struct store_stream_place back;
    unsigned char another[STORE_STREAM_KEY_BYTES] = {1};
    (void)state;
    stream_place_format(&place, key, one);
    stream_place_format(&place, key, other);
    assert_string_not_equal(one, other);
    assert_null(strpbrk(one, " \r\n"));
    assert_int_equal(stream_place_parse(one, another, &back), -EINVAL);
    assert_int_equal(stream_place_parse(one, NULL, &back), -EINVAL);
    for (size_t i = 0; i < strlen(one); i++) {
        char kept = one[i];
        one[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(stream_place_parse(one, key, &back), -EINVAL);
        one[i] = kept;
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1-2-3",
                                        "1-2-3-",
                                        "1-2-3-g",
                                        "-1-2-3-4",
                                        "1-2-3-4-5",
                                        "1-2-3-4 ",
                                        " 1-2-3-4",
                                        "+1-2-3-4",
                                        "1--3-4",
                                        "9999999999999999999-2-3-4",
                                        "1-2-3-11112222333344445",
                                        "a-2-3-4",
                                        "AAAA",
                                        "\xff\xfe"};
    struct store_stream_place back = {1, 2, 3, 4};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(stream_place_parse(texts[i], NULL, &back), -EINVAL);
        assert_int_equal(stream_place_parse(texts[i], key, &back), -EINVAL);
    }
    assert_int_equal(back.mark, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(is_plain_without_a_key),
        cmocka_unit_test(says_nothing_with_a_key),
        cmocka_unit_test(refuses_what_is_none),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("stream_place", tests, NULL, NULL);
}
