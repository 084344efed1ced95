#include "lib/log.h"

#include "lib/clock.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int saved = -1;
static FILE *caught;

static void catch_stderr(void)
{
    caught = tmpfile();
    assert_non_null(caught);
    saved = dup(STDERR_FILENO);
    assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static void give_back(char *text, size_t room)
{
    ssize_t size = pread(fileno(caught), text, room - 1, 0);

    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    fclose(caught);
    assert_true(size >= 0);
    text[size] = '\0';
}

static void writes_lines_for_people(void **state)
{
    char text[8192];
    (void)state;
    log_init("prog", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_error("cannot %s", "go");
    log_warning("mind");
    log_notice("so");
    log_debug("hidden");
    give_back(text, sizeof(text));
    assert_string_equal(text, "prog: error: cannot go\nprog: warning: mind\nprog: so\n");
}

static void escapes_what_could_forge_a_line(void **state)
{
    char text[8192];
    (void)state;
    log_init("prog", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_notice("a\nprog: error: b\x1b[2J\x7f");
    give_back(text, sizeof(text));
    assert_string_equal(text, "prog: a\\x0aprog: error: b\\x1b[2J\\x7f\n");
    catch_stderr();
    /* U+009B is the one-character CSI of ECMA-48; U+00A0 is a space. */
    log_notice("a\xc2\x9b"
               "2J\xc2\x80\xc2\xa0");
    give_back(text, sizeof(text));
    assert_string_equal(text, "prog: a\\xc2\\x9b2J\\xc2\\x80\xc2\xa0\n");
}

static void escapes_in_json_what_a_terminal_would_obey(void **state)
{
    char text[8192];
    json_error_t error;
    (void)state;
    log_init("prog", LOG_FORMAT_JSON, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_notice("\x1b\x7f\xc2\x9b\xc2\xa0");
    give_back(text, sizeof(text));
    assert_non_null(strstr(text, "\"\\u001B\\u007F\\u009B\xc2\xa0\""));
    json_t *line = json_loads(text, 0, &error);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")), "\x1b\x7f\xc2\x9b\xc2\xa0");
    json_decref(line);
}

static void escapes_what_is_no_text(void **state)
{
    char text[8192];
    json_error_t error;
    (void)state;
    log_init("prog", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_notice("\xc3\xa9");
    log_notice("a\xc3(\xff");
    give_back(text, sizeof(text));
    assert_string_equal(text, "prog: \xc3\xa9\nprog: a\\xc3(\\xff\n");
    log_init("prog", LOG_FORMAT_JSON, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_error("a\xc3(\xff");
    give_back(text, sizeof(text));
    json_t *line = json_loads(text, 0, &error);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")), "a\\xc3(\\xff");
    json_decref(line);
}

static void writes_json_for_services(void **state)
{
    char text[8192];
    json_error_t error;
    int64_t ms;
    (void)state;
    log_init("prog", LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
    catch_stderr();
    log_debug("a \"quote\"\n");
    give_back(text, sizeof(text));
    json_t *line = json_loads(text, 0, &error);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")), "a \"quote\"\n");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "program")), "prog");
    assert_int_equal(wall_parse(json_string_value(json_object_get(line, "ts")), &ms), 0);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_decref(line);
}

static void takes_what_is_long(void **state)
{
    static char longest[10000];
    char text[16384];
    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    log_init("prog", LOG_FORMAT_JSON, LOG_LEVEL_NOTICE);
    catch_stderr();
    log_notice("%s", longest);
    give_back(text, sizeof(text));
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_in_range(strlen(text), 2000, 2400);
    log_init("leastport", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_lines_for_people),  cmocka_unit_test(escapes_what_could_forge_a_line),
        cmocka_unit_test(escapes_what_is_no_text),  cmocka_unit_test(escapes_in_json_what_a_terminal_would_obey),
        cmocka_unit_test(writes_json_for_services), cmocka_unit_test(takes_what_is_long),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
