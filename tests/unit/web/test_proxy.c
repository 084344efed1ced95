#include "web/proxy.h"

#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct proxy_options trusting(enum proxy_fields_kind kind)
{
    struct proxy_options options = {.kind = kind, .user_header = "X-Forwarded-User", .trusted_count = 3};

    assert_int_equal(prefix_parse("10.0.0.0/8", &options.trusted[0]), 0);
    assert_int_equal(prefix_parse("127.0.0.1", &options.trusted[1]), 0);
    assert_int_equal(prefix_parse("fd00::/8", &options.trusted[2]), 0);
    return options;
}

struct said {
    char client[ADDR_TEXT_SIZE];
    struct proxy_word word;
    unsigned status; /* 0: it can be read */
};

/* `lines`: "Name: value", a line each. */
static struct said read_lines(enum proxy_fields_kind kind, const char *peer, const char *lines)
{
    struct proxy_options options = trusting(kind);
    struct proxy_fields fields = {0};
    struct problem problem = {0};
    struct said said = {0};
    struct addr address;
    char *copy = strdup(lines);
    char *rest = copy;

    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        char *value = strstr(line, ": ");
        if (value != NULL) {
            *value = '\0';
            proxy_add(&options, &fields, line, value + 2);
        }
    }
    assert_int_equal(addr_parse(peer, &address), 0);
    assert_true(proxy_trusts(&options, &address));
    if (proxy_read(&options, &fields, &address, &said.word, &problem)) {
        addr_format(&said.word.client, said.client);
    }
    said.word.user = NULL;
    said.status = problem.status;
    free(copy);
    return said;
}

static void the_nearest_that_is_not_trusted_asked(void **state)
{
    static const struct {
        enum proxy_fields_kind kind;
        const char *lines;
        const char *client;
        bool is_secure;
        const char *host;
    } cases[] = {
        {PROXY_X_FORWARDED, "", "10.0.0.5", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: 203.0.113.9", "203.0.113.9", false, ""},
        {PROXY_X_FORWARDED, "x-forwarded-for: 203.0.113.9:5123\nX-Forwarded-Proto: HTTPS", "203.0.113.9", true, ""},
        /* What stands before it anybody may have written. */
        {PROXY_X_FORWARDED, "X-Forwarded-For: 127.0.0.1, 198.51.100.1, 203.0.113.9", "203.0.113.9", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: evil\", 198.51.100.1\nX-Forwarded-For: 203.0.113.9 ,10.1.1.1",
         "203.0.113.9", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: 10.2.2.2, 10.1.1.1", "10.2.2.2", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: unknown, 10.1.1.1", "10.1.1.1", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: 203.0.113.9, unknown", "10.0.0.5", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: 2001:db8::7", "2001:db8::7", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: [2001:db8::7]:443, fd00::1", "2001:db8::7", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: ::ffff:203.0.113.9", "203.0.113.9", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: fe80::1%lo", "10.0.0.5", false, ""},
        {PROXY_X_FORWARDED, "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Host: a.example, b.example:8443", "203.0.113.9",
         false, "b.example:8443"},
        {PROXY_X_FORWARDED, "X-Forwarded-Proto: https, http", "10.0.0.5", false, ""},
        {PROXY_X_FORWARDED, "Forwarded: for=203.0.113.9;proto=https;host=evil.example", "10.0.0.5", false, ""},
        {PROXY_FORWARDED, "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https", "10.0.0.5", false, ""},
        {PROXY_FORWARDED, "Forwarded: for=203.0.113.9;proto=https;host=a.example;by=10.0.0.5", "203.0.113.9", true,
         "a.example"},
        {PROXY_FORWARDED, "Forwarded: For=\"[2001:db8::7]:4711\" ; Proto=\"https\"", "2001:db8::7", true, ""},
        {PROXY_FORWARDED, "Forwarded: for=\"a,b;c=d\\\"e\";proto=https, for=203.0.113.9;host=\"x\\.example\"",
         "203.0.113.9", false, "x.example"},
        {PROXY_FORWARDED,
         "Forwarded: for=198.51.100.1;proto=https, for=203.0.113.9;proto=http, for=10.9.9.9;proto=https", "203.0.113.9",
         false, ""},
        {PROXY_FORWARDED, "Forwarded: for=198.51.100.1\nForwarded: for=203.0.113.9\nForwarded: for=_hidden", "10.0.0.5",
         false, ""},
        {PROXY_FORWARDED, "Forwarded: , for=203.0.113.9,, ;;proto=https", "10.0.0.5", true, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct said said = read_lines(cases[i].kind, "10.0.0.5", cases[i].lines);
        if (said.status != 0 || strcmp(said.client, cases[i].client) != 0 ||
            said.word.is_secure != cases[i].is_secure || strcmp(said.word.host, cases[i].host) != 0) {
            fail_msg("%s\n%u %s %d \"%s\"", cases[i].lines, said.status, said.client, said.word.is_secure,
                     said.word.host);
        }
    }
}

/* `begin`, and `more` so many times. */
static void repeat(char *buffer, size_t size, const char *begin, const char *more, int times)
{
    int length = snprintf(buffer, size, "%s", begin);

    for (int i = 0; i < times; i++) {
        length += snprintf(buffer + length, size - (size_t)length, "%s", more);
    }
}

static void what_cannot_be_read_is_refused(void **state)
{
    static const char *const broken[] = {
        "Forwarded: for=\"203.0.113.9",
        "Forwarded: for",
        "Forwarded: =x",
        "Forwarded: for=\"a\"b",
        "Forwarded: for=\"a\\",
        "Forwarded: for=a;host=\"b\" c",
        "X-Forwarded-User: a\nX-Forwarded-User: b",
    };
    char many[8192];
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        assert_int_equal(read_lines(PROXY_FORWARDED, "10.0.0.5", broken[i]).status, 400);
    }
    repeat(many, sizeof(many), "X-Forwarded-For: 10.0.0.1", ",10.0.0.1", PROXY_HOPS_MAX - 1);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 0);
    repeat(many, sizeof(many), "X-Forwarded-For: 10.0.0.1", ",10.0.0.1", PROXY_HOPS_MAX);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 400);
    repeat(many, sizeof(many), "", "X-Forwarded-For: 10.0.0.1\n", PROXY_FIELDS_MAX);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 0);
    repeat(many, sizeof(many), "", "X-Forwarded-For: 10.0.0.1\n", PROXY_FIELDS_MAX + 1);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 400);
    repeat(many, sizeof(many), "X-Forwarded-Host: ", "h", PROXY_HOST_SIZE - 1);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 0);
    repeat(many, sizeof(many), "X-Forwarded-Host: ", "h", PROXY_HOST_SIZE);
    assert_int_equal(read_lines(PROXY_X_FORWARDED, "10.0.0.5", many).status, 400);
}

/* Whatever a client writes before the hop that our proxy adds changes nothing of who it is. */
static void nothing_written_before_changes_it(void **state)
{
    static const char marks[] = "0123456789abcdef.:[]\"\\,;= \tfor";
    uint64_t source = seed_first();
    uint64_t cases = seed_repeats(5000);
    (void)state;
    for (uint64_t i = 0; i < cases; i++) {
        struct said said;
        char before[101] = "";
        char lines[256];
        int length = seed_draw(&source, 100);
        for (int k = 0; k < length; k++) {
            before[k] = marks[seed_draw(&source, sizeof(marks) - 1)];
        }
        snprintf(lines, sizeof(lines), "X-Forwarded-For: %s, 203.0.113.9", before);
        said = read_lines(PROXY_X_FORWARDED, "10.0.0.5", lines);
        /* Or there are more hops than anybody has. */
        assert_true(said.status == 400 || strcmp(said.client, "203.0.113.9") == 0);
        snprintf(lines, sizeof(lines), "Forwarded: %s, for=203.0.113.9", before);
        read_lines(PROXY_FORWARDED, "10.0.0.5", lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_that_is_not_trusted_asked),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(nothing_written_before_changes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
