/* What hostile hosts send, as JSON, markup and cells can hold it. */
#include "auditd/export/export.h"
#include "auditd/export/place.h"
#include "auditd/export/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(void (*print)(FILE *out, const char *text), const char *text, const char *expected)
{
    char *said = NULL;
    size_t size;
    FILE *out = open_memstream(&said, &size);

    assert_non_null(out);
    print(out, text);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(said, expected);
    free(said);
}

static void markup_holds_anything(void **state)
{
    (void)state;
    expect(text_print_markup, "<a href='b' c=\"d\">&", "&#60;a href=&#39;b&#39; c=&#34;d&#34;&#62;&#38;");
    expect(text_print_markup, "a\x01\x1b[31m\x7f", "a\\x01\\x1b[31m\\x7f");
    expect(text_print_markup, "\xff\xc3", "\\xff\\xc3");
    expect(text_print_markup, "caf\xc3\xa9", "caf\xc3\xa9");
    /* U+202E turns the direction; U+FFFE is no character of XML. */
    expect(text_print_markup,
           "\xe2\x80\xae"
           "x",
           "\\xe2\\x80\\xaex");
    expect(text_print_markup, "\xef\xbf\xbe", "\\xef\\xbf\\xbe");
    expect(text_print_markup, "]]>", "]]&#62;");
}

static void cells_are_no_formulas(void **state)
{
    (void)state;
    expect(text_print_cell, "plain", "plain");
    expect(text_print_cell, "", "");
    expect(text_print_cell, "=1+1", "'=1+1");
    expect(text_print_cell, "+1", "'+1");
    expect(text_print_cell, "-1", "'-1");
    expect(text_print_cell, "@x", "'@x");
    expect(text_print_cell, "\n=1", "\"'\n=1\"");
    expect(text_print_cell, "  =1", "'  =1");
    expect(text_print_cell, "  ", "  ");
    expect(text_print_cell, "\xef\xbc\x9d\x31", "'\xef\xbc\x9d\x31");
    expect(text_print_cell, "\xef\xbc\xa1", "\xef\xbc\xa1");
    expect(text_print_cell, "\xff=1", "\xef\xbf\xbd=1");
    expect(text_print_cell, "a\xc3", "a\xef\xbf\xbd");
    expect(text_print_cell, "a,b", "\"a,b\"");
    expect(text_print_cell, "say \"a\"", "\"say \"\"a\"\"\"");
    expect(text_print_cell, "a\r\nb", "\"a\r\nb\"");
    expect(text_print_cell, "=\"a\"", "\"'=\"\"a\"\"\"");
}

static void json_is_utf8(void **state)
{
    static const char *const texts[][2] = {{"a\x1b", "a\x1b"},
                                           {"\xff", "\xef\xbf\xbd"},
                                           {"a\xc3", "a\xef\xbf\xbd"},
                                           {"caf\xc3\xa9", "caf\xc3\xa9"},
                                           {"", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *value = text_json(texts[i][0]);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), texts[i][1]);
        json_decref(value);
    }
}

static void a_value_that_is_none_is_no_memory(void **state)
{
    (void)state;
    assert_int_equal(text_print_json(stdout, NULL), -ENOMEM);
}

static void places_are_told_apart(void **state)
{
    static const struct {
        const char *address;
        int64_t port;
        const char *place;
    } cases[] = {{"10.0.0.5", 22, "10.0.0.5:22/tcp"},
                 {"fd00::5", 22, "[fd00::5]:22/tcp"},
                 {"10.0.0.5", 0, "10.0.0.5:0/tcp"},
                 {"", 0, "vpc-1"},
                 {"", 22, "vpc-1:22/tcp"}};
    char buffer[PLACE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct store_finding finding = {
            .address = cases[i].address, .name = "vpc-1", .port = cases[i].port, .proto = "tcp"};
        assert_string_equal(place_text(&finding, buffer), cases[i].place);
    }
}

static void each_format_has_its_driver(void **state)
{
    static const char *const names[] = {"csv", "jsonl", "sarif", "ocsf", "defectdojo", "xml", "html"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct export_driver *driver = export_find(names[i]);
        assert_non_null(driver);
        assert_string_equal(driver->name, names[i]);
        assert_int_equal(driver->has_subjects, i < 2);
    }
    assert_null(export_find("docx"));
}

static void a_database_that_is_not_there_is_said(void **state)
{
    const struct export_options options = {0};
    char error[EXPORT_ERROR_SIZE] = "";

    (void)state;
    assert_true(export_write("/nowhere/none.db", export_find("csv"), &options, stdout, error) < 0);
    assert_non_null(strstr(error, "/nowhere/none.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_holds_anything),
        cmocka_unit_test(cells_are_no_formulas),
        cmocka_unit_test(json_is_utf8),
        cmocka_unit_test(a_value_that_is_none_is_no_memory),
        cmocka_unit_test(places_are_told_apart),
        cmocka_unit_test(each_format_has_its_driver),
        cmocka_unit_test(a_database_that_is_not_there_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
