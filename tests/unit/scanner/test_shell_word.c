#include "scanner/shell_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const char *word, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    shell_word_write(out, word);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void what_means_nothing_stands_bare(void **state)
{
    (void)state;
    assert_written("10.0.0.0/8", "10.0.0.0/8");
    assert_written("--rate=5k", "--rate=5k");
    assert_written("a_b.json:80,443@x%y+z", "a_b.json:80,443@x%y+z");
}

static void what_a_shell_would_change_is_quoted(void **state)
{
    (void)state;
    assert_written("", "''");
    assert_written("two words", "'two words'");
    assert_written("$(id)`id`;&|<>*?~#\\\"", "'$(id)`id`;&|<>*?~#\\\"'");
    assert_written("[::1]:80", "'[::1]:80'");
    assert_written("a\nb", "'a\nb'");
}

static void a_single_quote_ends_and_begins_again(void **state)
{
    (void)state;
    assert_written("it's", "'it'\\''s'");
    assert_written("'", "''\\'''");
}

/* All bytes but NUL, two at a time: a shell gives each back. */
static void a_shell_reads_every_word_back(void **state)
{
    char word[3] = "";

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        char back[8] = "";
        FILE *shell;

        assert_non_null(out);
        word[0] = (char)byte;
        word[1] = '\'';
        fputs("printf '%s' ", out);
        shell_word_write(out, word);
        assert_int_equal(fclose(out), 0);
        shell = popen(text, "r");
        assert_non_null(shell);
        assert_int_equal(fread(back, 1, sizeof(back), shell), 2);
        assert_int_equal(pclose(shell), 0);
        assert_memory_equal(back, word, 2);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_nothing_stands_bare),
        cmocka_unit_test(what_a_shell_would_change_is_quoted),
        cmocka_unit_test(a_single_quote_ends_and_begins_again),
        cmocka_unit_test(a_shell_reads_every_word_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
