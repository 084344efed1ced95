#include "auditd/report/typeset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void shows_only_what_may_be_shown(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
        size_t columns;
    } cases[] = {
        {"", "", 0},
        {"web-1", "web-1", 5},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", 3},
        {"\033[31mred", "\\x1b[31mred", 11},
        {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d", 15},
        {"\x7f", "\\x7f", 4},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m", 11}, /* C1's own escape */
        {"\xff\xfe", "\\xff\\xfe", 8},
        {"\xc3(", "\\xc3(", 5},
        {"\xc0\xaf", "\\xc0\\xaf", 8},           /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", 12}, /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16},
        {"a\xe2\x80\xae"
         "b",
         "a\\xe2\\x80\\xaeb", 14}, /* writes backwards from here */
        {"a\xe2\x80\x8b"
         "b",
         "a\\xe2\\x80\\x8bb", 14},     /* no width at all */
        {"\xe2\x82", "\\xe2\\x82", 8}, /* cut short */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char buffer[64];
        assert_int_equal(typeset_escape(cases[i].text, buffer, sizeof(buffer)), cases[i].columns);
        assert_string_equal(buffer, cases[i].shown);
    }
}

static void cuts_at_whole_characters(void **state)
{
    char buffer[5];

    (void)state;
    assert_int_equal(typeset_escape("abcdef", buffer, sizeof(buffer)), 4);
    assert_string_equal(buffer, "abcd");
    assert_int_equal(typeset_escape("abc\xc3\xa9", buffer, sizeof(buffer)), 3);
    assert_string_equal(buffer, "abc");
    assert_int_equal(typeset_escape("ab\n", buffer, sizeof(buffer)), 2);
    assert_string_equal(buffer, "ab");
}

static char *wrap(const char *text, unsigned column, unsigned indent, unsigned width)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    typeset_wrap(out, text, column, indent, width);
    fclose(out);
    return printed;
}

static void wraps_at_spaces(void **state)
{
    static const struct {
        const char *text;
        unsigned column, indent, width;
        const char *wrapped;
    } cases[] = {
        {"one two three", 0, 0, 80, "one two three"},
        {"one two three", 0, 2, 8, "one two\n  three"},
        {"one two three", 0, 2, 7, "one two\n  three"},
        {"one two three", 0, 2, 6, "one\n  two\n  three"},
        {"  one   two  ", 4, 4, 80, "one two"},
        {"unbreakable word", 0, 1, 5, "unbreakable\n word"},
        {"", 3, 3, 10, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *printed = wrap(cases[i].text, cases[i].column, cases[i].indent, cases[i].width);
        assert_string_equal(printed, cases[i].wrapped);
        free(printed);
    }
}

/* A word of a megabyte is written whole, in pieces. */
static void takes_words_of_any_length(void **state)
{
    size_t size = 1 << 20;
    char *text = malloc(size + 1);
    char *printed;
    size_t letters = 0;

    (void)state;
    memset(text, 'x', size);
    text[size] = '\0';
    printed = wrap(text, 0, 0, 80);
    for (const char *at = printed; *at != '\0'; at++) {
        letters += *at == 'x' ? 1 : 0;
    }
    assert_int_equal(letters, size);
    free(printed);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_only_what_may_be_shown),
        cmocka_unit_test(cuts_at_whole_characters),
        cmocka_unit_test(wraps_at_spaces),
        cmocka_unit_test(takes_words_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
