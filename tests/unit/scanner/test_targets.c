#include "scanner/targets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void reads_every_kind(void **state)
{
    static const struct {
        const char *expression;
        const char *first;
        const char *last;
        const char *ports;
    } cases[] = {
        {"10.0.0.5", "10.0.0.5", "10.0.0.5", NULL},
        {"10.0.0.77/24", "10.0.0.0", "10.0.0.255", NULL},
        {"0.0.0.0/0", "0.0.0.0", "255.255.255.255", NULL},
        {"10.0.0.1-50", "10.0.0.1", "10.0.0.50", NULL},
        {"10.0.0.1-10.0.1.20", "10.0.0.1", "10.0.1.20", NULL},
        {"fd00::1", "fd00::1", "fd00::1", NULL},
        {"fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", NULL},
        {"fd00::1-fd00::ff", "fd00::1", "fd00::ff", NULL},
        {"[fd00::1]", "fd00::1", "fd00::1", NULL},
        {"[fd00::1]:443", "fd00::1", "fd00::1", "443"},
        {"[fd00::]/120:22,80", "fd00::", "fd00::ff", "22,80"},
        {"[fd00::/120]:22", "fd00::", "fd00::ff", "22"},
        {"[fd00::1-fd00::9]:-3", "fd00::1", "fd00::9", "1-3"},
        {"10.0.0.5:443", "10.0.0.5", "10.0.0.5", "443"},
        {"10.0.0.0/24:22,80-90", "10.0.0.0", "10.0.0.255", "22,80-90"},
        {"10.0.0.1-3:ssh", "10.0.0.1", "10.0.0.3", "22"},
        {"::ffff:10.0.0.5", "10.0.0.5", "10.0.0.5", NULL},
        {"fe80::1%lo", "fe80::1%lo", "fe80::1%lo", NULL},
        {"fe80::1%lo-fe80::9", "fe80::1%lo", "fe80::9%lo", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct targets *targets = targets_create();
        struct problem problem = {{0}};
        char text[ADDR_TEXT_SIZE];
        if (targets_add(targets, cases[i].expression, NULL, &problem) < 0) {
            fail_msg("%s: %s", cases[i].expression, problem.text);
        }
        const struct target *target = targets_at(targets, 0);
        assert_null(target->name);
        assert_string_equal(addr_format(&target->first, text), cases[i].first);
        assert_string_equal(addr_format(&target->last, text), cases[i].last);
        if (cases[i].ports == NULL) {
            assert_null(target->ports);
        } else {
            assert_string_equal(target->ports, cases[i].ports);
        }
        /* Its text means the same again. */
        assert_int_equal(targets_add(targets, targets_at(targets, 0)->text, NULL, &problem), 0);
        assert_string_equal(targets_at(targets, 1)->text, targets_at(targets, 0)->text);
        assert_true(addr_equal(&targets_at(targets, 1)->last, &targets_at(targets, 0)->last));
        targets_destroy(targets);
    }
}

static void reads_names(void **state)
{
    static const char *const cases[][3] = {
        {"db.example", "db.example", NULL},
        {"DB-1.Example.", "db-1.example", NULL},
        {"localhost", "localhost", NULL},
        {"web:https,22", "web", "22,443"},
        {"a_b.example:80", "a_b.example", "80"},
        {"3com.example", "3com.example", NULL},
        {"10-0-0-5.internal", "10-0-0-5.internal", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct targets *targets = targets_create();
        struct problem problem;
        assert_int_equal(targets_add(targets, cases[i][0], NULL, &problem), 0);
        assert_string_equal(targets_at(targets, 0)->name, cases[i][1]);
        if (cases[i][2] != NULL) {
            assert_string_equal(targets_at(targets, 0)->ports, cases[i][2]);
        }
        targets_destroy(targets);
    }
}

static void refuses_and_says_why(void **state)
{
    static const char *const cases[][2] = {
        {"", "empty"},
        {"10.0.0", "not an address"},
        {"10.0.0.256", "not an address"},
        {"10.0.0.1.2", "not an address"},
        {"10.0.0.*", "not an address"},
        {"5", "not an address"},
        {"10.0.0.0/33", "not a prefix"},
        {"10.0.0.0/", "not a prefix"},
        {"10.0.0.0/8/8", "not a prefix"},
        {"db.example/24", "not a prefix"},
        {"fd00::/129", "not a prefix"},
        {"10.0.0.50-1", "backwards"},
        {"10.0.0.1-256", "more than 255"},
        {"10.0.0.1-", "cannot end a range"},
        {"10.0.0.1-x", "cannot end a range"},
        {"10.0.0.1-fd00::1", "IPv4 to IPv6"},
        {"fd00::9-fd00::1", "backwards"},
        {"10.0.0.1:", "an item is missing"},
        {"10.0.0.1:99999", "not a port"},
        {"10.0.0.1:nothing", "no TCP service"},
        {"fd00::1:443:", "brackets"},
        {"::1:22", "for port 22 write [::1]:22"},
        {"::2:6553", "write [::2]:6553"},
        {"[fd00::1", "never closed"},
        {"[fd00::1]x", "after the bracket"},
        {"[10.0.0.1]:80", "for IPv6"},
        {"[]", "for IPv6"},
        {"]", "neither an address nor a host name"},
        {"-db.example", "neither"},
        {"db..example", "neither"},
        {"db-.example", "neither"},
        {".example", "neither"},
        {"d b", "neither"},
        {"db\x01", "\\x01"},
        {"fe80::1%nosuchif0", "no interface"},
        {"\xff\xfe", "neither"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", "neither"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct targets *targets = targets_create();
        struct problem problem = {{0}};
        assert_true(targets_add(targets, cases[i][0], NULL, &problem) < 0);
        if (strstr(problem.text, cases[i][1]) == NULL) {
            fail_msg("\"%s\" gave: %s", cases[i][0], problem.text);
        }
        assert_int_equal(targets_count(targets), 0);
        targets_destroy(targets);
    }
}

static int read_text(struct targets *targets, const char *text, size_t size, struct problem *problem)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, size, "r");
    int rc = targets_read(targets, stream, "hosts.txt", NULL, problem);

    fclose(stream);
    return rc;
}

static void reads_a_stream(void **state)
{
    static const char text[] = "\xef\xbb\xbf# the office\r\n10.0.0.1  10.0.0.2:22 # two\n\n\tdb.example\n#last";
    struct targets *targets = targets_create();
    struct problem problem;
    (void)state;
    assert_int_equal(read_text(targets, text, sizeof(text) - 1, &problem), 0);
    assert_int_equal(targets_count(targets), 3);
    assert_string_equal(targets_at(targets, 0)->text, "10.0.0.1");
    assert_string_equal(targets_at(targets, 1)->text, "10.0.0.2:22");
    assert_string_equal(targets_at(targets, 2)->name, "db.example");
    targets_destroy(targets);
}

static void says_where_in_a_stream(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *says;
    } cases[] = {
        {"10.0.0.1\n  10.0.0.300 x\n", 24, "hosts.txt:2:3: "},
        {"# c\n\n10.0.0.1 10.0.0.1/99", 25, "hosts.txt:3:10: "},
        {"10.0.0.1\0\n", 10, "hosts.txt:1:9: a NUL byte"},
        {"\x7f"
         "ELF",
         4, "hosts.txt:1:1: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct targets *targets = targets_create();
        struct problem problem = {{0}};
        assert_true(read_text(targets, cases[i].text, cases[i].size, &problem) < 0);
        if (strncmp(problem.text, cases[i].says, strlen(cases[i].says)) != 0) {
            fail_msg("case %zu gave: %s", i, problem.text);
        }
        targets_destroy(targets);
    }
}

static void bounds_a_token(void **state)
{
    size_t size = 200000;
    char *text = malloc(size);
    struct targets *targets = targets_create();
    struct problem problem = {{0}};
    (void)state;
    memset(text, '1', size);
    assert_int_equal(read_text(targets, text, size, &problem), -EINVAL);
    assert_non_null(strstr(problem.text, "64 KiB"));
    targets_destroy(targets);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),       cmocka_unit_test(reads_names),
        cmocka_unit_test(refuses_and_says_why),   cmocka_unit_test(reads_a_stream),
        cmocka_unit_test(says_where_in_a_stream), cmocka_unit_test(bounds_a_token),
    };
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
