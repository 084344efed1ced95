#include "auditd/ingest/lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    char text[4096];
    size_t length;
    size_t count;
    int answer;
};

static int see(void *context, const char *line, size_t length)
{
    struct seen *seen = context;

    assert_int_equal(line[length], '\0');
    assert_true(seen->length + length + 1 < sizeof(seen->text));
    memcpy(seen->text + seen->length, line, length);
    seen->length += length;
    seen->text[seen->length++] = '|';
    seen->count++;
    return seen->answer;
}

static void cuts_the_same_wherever_the_bytes_are_split(void **state)
{
    static const char stream[] = "one\n\ntwo three\nfour\r\nhalf";

    (void)state;
    for (size_t step = 1; step <= sizeof(stream); step++) {
        struct lines *lines = lines_create(100);
        struct seen seen = {0};
        for (size_t at = 0; at < sizeof(stream) - 1; at += step) {
            size_t left = sizeof(stream) - 1 - at;
            assert_int_equal(lines_feed(lines, stream + at, left < step ? left : step, see, &seen), 0);
        }
        seen.text[seen.length] = '\0';
        assert_string_equal(seen.text, "one||two three|four\r|");
        assert_int_equal(lines_pending(lines), 4);
        assert_int_equal(lines_overlong(lines), 0);
        lines_destroy(lines);
    }
}

static void drops_a_line_that_is_too_long_and_goes_on(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 40; step++) {
        static const char stream[] = "1234567\n12345678\nok\n123456789012345678901234567890\nlast\n";
        struct lines *lines = lines_create(8);
        struct seen seen = {0};
        for (size_t at = 0; at < sizeof(stream) - 1; at += step) {
            size_t left = sizeof(stream) - 1 - at;
            assert_int_equal(lines_feed(lines, stream + at, left < step ? left : step, see, &seen), 0);
        }
        seen.text[seen.length] = '\0';
        assert_string_equal(seen.text, "1234567|ok|last|");
        assert_int_equal(lines_overlong(lines), 2);
        assert_int_equal(lines_pending(lines), 0);
        lines_destroy(lines);
    }
}

static void keeps_an_endless_line_out_of_memory(void **state)
{
    struct lines *lines = lines_create(1000);
    struct seen seen = {0};
    char block[4096];

    (void)state;
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(lines_feed(lines, block, sizeof(block), see, &seen), 0);
        assert_true(lines_pending(lines) < 1000);
    }
    assert_int_equal(lines_overlong(lines), 1);
    assert_int_equal(seen.count, 0);
    assert_int_equal(lines_feed(lines, "\nafter\n", 7, see, &seen), 0);
    assert_int_equal(seen.count, 1);
    lines_destroy(lines);
}

static void keeps_nul_and_any_byte(void **state)
{
    struct lines *lines = lines_create(100);
    struct seen seen = {0};

    (void)state;
    assert_int_equal(lines_feed(lines, "a\0b\xff\n", 5, see, &seen), 0);
    assert_memory_equal(seen.text, "a\0b\xff|", 5);
    lines_destroy(lines);
}

static void hands_on_what_the_taker_returns(void **state)
{
    struct lines *lines = lines_create(100);
    struct seen seen = {.answer = -ECANCELED};

    (void)state;
    assert_int_equal(lines_feed(lines, "a\nb\n", 4, see, &seen), -ECANCELED);
    assert_int_equal(seen.count, 1);
    lines_destroy(lines);
    lines_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_the_same_wherever_the_bytes_are_split),
        cmocka_unit_test(drops_a_line_that_is_too_long_and_goes_on),
        cmocka_unit_test(keeps_an_endless_line_out_of_memory),
        cmocka_unit_test(keeps_nul_and_any_byte),
        cmocka_unit_test(hands_on_what_the_taker_returns),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
