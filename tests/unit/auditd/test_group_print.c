/* What a shell and HCL make of quoted text is the text again, whatever it holds. */
#include "auditd/group_print.h"
#include "tests/unit/seed.h"

#include <string.h>

enum { QUOTED_TEXTS = 20000, QUOTED_MOST = 24 };

/* A word as POSIX reads it (Shell Command Language 2.2), for quotes and backslashes alone; fails on whatever else a
 * shell would act on. */
static void read_shell(const char *word, char *ret_text)
{
    bool quoted = false;

    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            quoted = !quoted;
        } else if (quoted) {
            *ret_text++ = *word;
        } else if (*word == '\\') {
            *ret_text++ = *++word;
        } else {
            assert_null(strchr(" \t\n|&;<>()$`\"*?[]#~=%!{}", *word));
            *ret_text++ = *word;
        }
    }
    assert_false(quoted);
    *ret_text = '\0';
}

/* A quoted template (HCL native syntax, quoted templates); fails on an interpolation or directive. */
static void read_hcl(const char *text, char *ret_text)
{
    size_t length = strlen(text);

    assert_true(length >= 2 && text[0] == '"' && text[length - 1] == '"');
    for (size_t i = 1; i + 1 < length; i++) {
        assert_int_not_equal(text[i], '"');
        assert_true((unsigned char)text[i] >= ' ');
        if (text[i] == '\\' && text[i + 1] == 'u') {
            *ret_text++ = (char)strtol((char[]){text[i + 2], text[i + 3], text[i + 4], text[i + 5], '\0'}, NULL, 16);
            i += 5;
            continue;
        }
        if (text[i] == '\\') {
            i++;
        } else if ((text[i] == '$' || text[i] == '%') && text[i + 1] == text[i] && text[i + 2] == '{') {
            i++;
        } else {
            assert_false((text[i] == '$' || text[i] == '%') && text[i + 1] == '{');
        }
        *ret_text++ = text[i];
    }
    *ret_text = '\0';
}

static void check_text(const char *text)
{
    char read[QUOTED_MOST + 1];
    char *quoted = group_quote_shell(text);

    assert_non_null(quoted);
    read_shell(quoted, read);
    assert_string_equal(read, text);
    free(quoted);
    quoted = group_quote_hcl(text);
    assert_non_null(quoted);
    read_hcl(quoted, read);
    assert_string_equal(read, text);
    free(quoted);
}

static void what_is_quoted_is_read_again(void **state)
{
    static const char bytes[] = "''\"\\$$%{{}`;&|<>()#~=*?[]! \t\n\r\x1b\x7f"
                                "abz09-_./:@\xc3\xa4";
    uint64_t source = seed_first();

    (void)state;
    check_text("");
    check_text("sg-0123");
    check_text("-rf");
    check_text("$${a}%%{b}");
    for (uint64_t i = 0; i < QUOTED_TEXTS; i++) {
        char text[QUOTED_MOST + 1] = "";
        int length = seed_draw(&source, QUOTED_MOST);
        for (int j = 0; j < length; j++) {
            text[j] = bytes[seed_draw(&source, (int)sizeof(bytes) - 1)];
        }
        check_text(text);
    }
}

static void formats_have_names(void **state)
{
    enum group_format format = GROUP_FORMAT_CLI;

    (void)state;
    assert_int_equal(group_format_parse("terraform", &format), 0);
    assert_int_equal(format, GROUP_FORMAT_TERRAFORM);
    assert_int_equal(group_format_parse("json", &format), 0);
    assert_int_equal(format, GROUP_FORMAT_JSON);
    assert_true(group_format_parse("yaml", &format) < 0);
    assert_true(group_format_parse("", &format) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_quoted_is_read_again, seed_say),
        cmocka_unit_test(formats_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
