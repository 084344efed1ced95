#include "lib/prefix_list.h"
#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_bytes(struct prefix_list *list, const char *bytes, size_t size, struct prefix_list_fault *fault)
{
    FILE *stream = tmpfile();
    int rc;

    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    rewind(stream);
    rc = prefix_list_read(list, stream, fault);
    fclose(stream);
    return rc;
}

static void every_word_of_every_line_counts(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "10.0.0.0/8 10.9.9.9\t192.168.0.77/16#no space before\r\n"
                               "# all of it\n\n  fd00::/8 # and fe80::1\n\v10.0.0.5";
    static const char *const wanted[] = {"10.0.0.0/8", "10.9.9.9/32", "192.168.0.0/16", "fd00::/8", "10.0.0.5/32"};
    struct prefix_list list = {0};
    struct prefix_list_fault fault;
    char shown[PREFIX_TEXT_SIZE];
    (void)state;
    assert_int_equal(read_bytes(&list, text, strlen(text), &fault), 0);
    assert_int_equal(list.count, sizeof(wanted) / sizeof(*wanted));
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(prefix_format(&list.items[i], shown), wanted[i]);
    }
    prefix_list_done(&list);
    assert_null(list.items);
    assert_int_equal(read_bytes(&list, "", 0, &fault), 0);
    assert_int_equal(list.count, 0);
}

static void refuses_and_says_where(void **state)
{
#define BYTES(text) text, sizeof(text) - 1
    static const struct {
        const char *bytes;
        size_t size;
        unsigned long line;
        const char *word;
    } cases[] = {
        {BYTES("10.0.0.1\n# x\n10.0.0.1 nonsense 10.0.0.2\n"), 3, "nonsense"},
        {BYTES("10.0.0.1\n10.0.0.0/33"), 2, "10.0.0.0/33"},
        /* What stands behind a NUL would be passed over by whoever takes it for the end. */
        {BYTES("10.0.0.1\0 10.0.0.2\n"), 1, "10.0.0.1\\0"},
        {BYTES("10.0.0.1 \0\n"), 1, "\\0"},
        {BYTES("10.0.0.1\n\xef\xbb\xbf"), 2, "\xef\xbb\xbf"},
        {BYTES("\xff\xfe"
               "1\0"),
         1,
         "\xff\xfe"
         "1\\0"},
        {BYTES("10.0.0.1-5"), 1, "10.0.0.1-5"},
        {BYTES("fe80::1%nothere"), 1, "fe80::1%nothere"},
    };
#undef BYTES
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct prefix_list list = {0};
        struct prefix_list_fault fault;
        assert_int_equal(read_bytes(&list, cases[i].bytes, cases[i].size, &fault), -EBADMSG);
        assert_int_equal(fault.line, cases[i].line);
        assert_string_equal(fault.word, cases[i].word);
        prefix_list_done(&list);
    }
}

static void a_word_without_end_is_cut(void **state)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    struct prefix_list list = {0};
    struct prefix_list_fault fault;
    (void)state;
    assert_non_null(text);
    memset(text, '1', SIZE);
    assert_int_equal(read_bytes(&list, text, SIZE, &fault), -EBADMSG);
    assert_in_range(strlen(fault.word), PREFIX_TEXT_SIZE, sizeof(fault.word) - 1);
    /* A comment may be as long as it likes. */
    text[0] = '#';
    assert_int_equal(read_bytes(&list, text, SIZE, &fault), 0);
    assert_int_equal(list.count, 0);
    free(text);
}

static void a_stream_that_fails_is_an_error(void **state)
{
    struct prefix_list list = {0};
    struct prefix_list_fault fault;
    FILE *stream = fopen("/", "re");
    (void)state;
    assert_non_null(stream);
    assert_int_equal(prefix_list_read(&list, stream, &fault), -EISDIR);
    fclose(stream);
}

static int add_five(void)
{
    struct prefix_list list = {0};
    int rc = 0;

    for (int i = 0; rc == 0 && i < 5; i++) {
        rc = prefix_list_add(&list, "10.0.0.1");
    }
    assert_true(rc == 0 ? list.count == 5 : rc == -ENOMEM && list.count < 5);
    prefix_list_done(&list);
    return rc;
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    assert_int_equal(alloc_count_down(add_five), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_of_every_line_counts), cmocka_unit_test(refuses_and_says_where),
        cmocka_unit_test(a_word_without_end_is_cut),       cmocka_unit_test(a_stream_that_fails_is_an_error),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests_name("prefix_list", tests, NULL, NULL);
}
