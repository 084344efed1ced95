#include "web/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN = 0, GZIP = 1, REFUSED = 2 }; /* REFUSED: as it is; with GZIP it is gzip or nothing */

static int wished(const struct coding_wishes *wishes)
{
    return (coding_prefers_gzip(wishes) ? GZIP : PLAIN) | (coding_refuses_identity(wishes) ? REFUSED : PLAIN);
}

static int wish(const char *line)
{
    struct coding_wishes wishes = {0};

    coding_wish(&wishes, line);
    return wished(&wishes);
}

static void takes_as_rfc_9110_says(void **state)
{
    static const struct {
        const char *line;
        int form;
    } cases[] = {
        {"", PLAIN},
        {"gzip", GZIP},
        {"GZip", GZIP},
        {"x-gzip", GZIP},
        {"gzip, deflate, br, zstd", GZIP},
        {"deflate, br", PLAIN},
        {"compress;q=0.5, gzip;q=1.0", GZIP},
        {"gzip;q=0", PLAIN},
        {"gzip;q=0.000", PLAIN},
        {"gzip;q=0.001", GZIP},
        {"gzip;Q=1", GZIP},
        {"gzip \t; \tq=0.5\t ", GZIP},
        {"identity", PLAIN},
        {"identity, gzip", GZIP},
        {"gzip;q=0.5, identity;q=0.6", PLAIN},
        {"gzip;q=0.6, identity;q=0.5", GZIP},
        {"gzip;q=0.5, identity;q=0.5", GZIP},
        {"*", GZIP},
        {"*;q=0.1", GZIP},
        {"*, gzip;q=0", PLAIN},
        {"gzip;q=0.2, *", PLAIN},
        {"gzip, *;q=0", GZIP | REFUSED},
        {"*;q=0", REFUSED},
        {"*;q=0, identity", PLAIN},
        {"*;q=0, identity;q=0.1", PLAIN},
        {"identity;q=0", REFUSED},
        {"gzip, identity;q=0", GZIP | REFUSED},
        {"gzip;q=0, identity;q=0", REFUSED},
        {"gzip;q=0.1, identity;q=0, *;q=0.9", GZIP | REFUSED},
        {"gzip;q=0, x-gzip", PLAIN},
        {"gzip, gzip;q=0", PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (wish(cases[i].line) != cases[i].form) {
            fail_msg("\"%s\": %d, not %d", cases[i].line, wish(cases[i].line), cases[i].form);
        }
    }
}

/* What has not the form of an element wishes nothing, and takes nothing away from what stands beside it. */
static void passes_over_what_is_malformed(void **state)
{
    static const char *const elements[] = {
        "gzip;q=",      "gzip;q=-1",  "gzip;q=2",   "gzip;q=1.001",  "gzip;q=0.0001",
        "gzip;q=.5",

        "gzip;q=0.5.5", "gzip;q=1e3", "gzip;q=nan", "gzip;level=9",  "gzip;q=1;q=0",
        "gzip;",        "gzip;;q=1",  "gzip q=1",   "gzip;q =1",     "gzip;q= 1",
        "gzip/1",       "gzip\"",     "\"gzip\"",   "gzipx",         "xgzip",
        "gz\tip",       "gzip;q=0x1", "gzip;q=1 1", "gzip;q=00",     "gzip;q=01",
        ";q=1",         ";",          "gzip=1",     "\xff\xfe",      "gzip\x80",
        "x-",           "**",         "*/*",        "gzip;q=1.0000", "identity;q=0.0000",
        "*;q=00",       "identity;q",
    };
    char line[64];
    (void)state;
    for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++) {
        if (wish(elements[i]) != PLAIN) {
            fail_msg("\"%s\" is taken", elements[i]);
        }
        snprintf(line, sizeof(line), "%s,gzip;q=0.7", elements[i]);
        if (wish(line) != GZIP) {
            fail_msg("\"%s\" is not taken", line);
        }
    }
}

static void reads_lines_as_one_list(void **state)
{
    struct coding_wishes wishes = {0};
    (void)state;

    coding_wish(&wishes, "*");
    assert_int_equal(wished(&wishes), GZIP);
    coding_wish(&wishes, "");
    assert_int_equal(wished(&wishes), GZIP);
    coding_wish(&wishes, "gzip;q=0.5, br");
    assert_int_equal(wished(&wishes), PLAIN);
    coding_wish(&wishes, "identity;q=0");
    assert_int_equal(wished(&wishes), GZIP | REFUSED);
    coding_wish(&wishes, "gzip;q=0");
    assert_int_equal(wished(&wishes), REFUSED);
}

/* A line as long as a head may be: its end counts as much as its beginning. */
static void reads_long_lines(void **state)
{
    static const char *const pieces[] = {",", ", ", "a,", "gzip;q=0.5,", "*;", "\t", ";q=1,", "br;q=1.0, "};
    enum { LONG = 65536 };
    char *line = malloc(LONG + 32);
    (void)state;

    assert_non_null(line);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        size_t length = 0;
        while (length < LONG) {
            length += (size_t)(stpcpy(line + length, pieces[i]) - (line + length));
        }
        snprintf(line + length, 32, "%s", ",identity;q=0,gzip;q=0.3");
        assert_int_equal(wish(line), GZIP | REFUSED);
    }
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_as_rfc_9110_says),
        cmocka_unit_test(passes_over_what_is_malformed),
        cmocka_unit_test(reads_lines_as_one_list),
        cmocka_unit_test(reads_long_lines),
    };
    return cmocka_run_group_tests_name("coding", tests, NULL, NULL);
}
