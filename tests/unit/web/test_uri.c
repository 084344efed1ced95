#include "web/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void splits_and_decodes(void **state)
{
    struct uri uri;
    (void)state;
    assert_int_equal(uri_parse("/a%20b/c?x=1%2C2&y&z=a+b&&=v", &uri), 0);
    assert_string_equal(uri.path, "/a b/c");
    assert_int_equal(uri.param_count, 4);
    assert_string_equal(uri_param(&uri, "x"), "1,2");
    assert_string_equal(uri_param(&uri, "y"), "");
    assert_string_equal(uri_param(&uri, "z"), "a b");
    assert_string_equal(uri_param(&uri, ""), "v");
    assert_null(uri_param(&uri, "none"));
    uri_done(&uri);
    assert_int_equal(uri_parse("/a+b", &uri), 0);
    assert_string_equal(uri.path, "/a+b");
    uri_done(&uri);
}

static void refuses_what_is_malformed(void **state)
{
    static const char *const texts[] = {"",     "*",        "x",        "http://h/",   "/%",    "/%4",        "/%zz",
                                        "/%00", "/a?b=%00", "/a?%ff=1", "/a?b=%c0%ae", "/\xff", "/a?b=%e2%82"};
    struct uri uri;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(uri_parse(texts[i], &uri), -EINVAL);
    }
}

static void refuses_what_is_too_much(void **state)
{
    char text[URI_MAX_BYTES + 2];
    struct uri uri;
    (void)state;
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[URI_MAX_BYTES] = '\0';
    assert_int_equal(uri_parse(text, &uri), 0);
    uri_done(&uri);
    text[URI_MAX_BYTES] = 'a';
    text[URI_MAX_BYTES + 1] = '\0';
    assert_int_equal(uri_parse(text, &uri), -E2BIG);
    memcpy(text, "/?", 3);
    for (size_t i = 0; i < URI_MAX_PARAMS; i++) {
        memcpy(text + 2 + 4 * i, "a=b&", 5);
    }
    assert_int_equal(uri_parse(text, &uri), 0);
    uri_done(&uri);
    memcpy(text + 2 + (size_t)4 * URI_MAX_PARAMS, "a=b", 4);
    assert_int_equal(uri_parse(text, &uri), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_and_decodes),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(refuses_what_is_too_much),
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
