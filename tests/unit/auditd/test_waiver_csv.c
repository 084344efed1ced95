#include "auditd/finding/waiver_csv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "finding,rule,realm,cidr,name,tag,owner,reason,until\n"

static json_t *parse(const char *text)
{
    char reason[WAIVER_CSV_REASON_SIZE] = "";
    json_t *entries = NULL;
    int rc = waiver_csv_parse(text, strlen(text), &entries, reason);

    if (rc != 0) {
        fail_msg("%s: %d %s", text, rc, reason);
    }
    return entries;
}

static void expect(const char *text, const char *expected)
{
    json_t *entries = parse(text);
    char *dumped = json_dumps(entries, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(dumped, expected);
    free(dumped);
    json_decref(entries);
}

static void rows_become_entries(void **state)
{
    (void)state;
    expect("until,owner,reason,finding\r\n2027-01-01,o,\"a \"\"b\"\", c\",10.0.0.1:22\r\n",
           "[{\"findings\":[\"10.0.0.1:22\"],\"line\":2,\"owner\":\"o\",\"reason\":\"a \\\"b\\\", c\",\"until\":"
           "\"2027-01-01\"}]");
    expect(HEADER ",user/ssh,a b,10.0.0.0/8,db-*,app=shop tier=db,o,r,2027-01-01",
           "[{\"hosts\":{\"cidr\":[\"10.0.0.0/8\"],\"name\":[\"db-*\"],\"realm\":[\"a\",\"b\"],\"tag\":{\"app\":"
           "\"shop\",\"tier\":\"db\"}},\"line\":2,\"owner\":\"o\",\"reason\":\"r\",\"rule\":\"user/ssh\",\"until\":"
           "\"2027-01-01\"}]");
    /* A line end within quotes counts; blank lines and a mark of the byte order are nothing. */
    expect("\xef\xbb\xbf"
           "finding,owner,reason,until\n\n1.1.1.1:1,o,\"two\nlines\",2027-01-01\n\n1.1.1.1:2,o,'=1,2027-01-01\n",
           "[{\"findings\":[\"1.1.1.1:1\"],\"line\":3,\"owner\":\"o\",\"reason\":\"two\\nlines\",\"until\":"
           "\"2027-01-01\"},{\"findings\":[\"1.1.1.1:2\"],\"line\":6,\"owner\":\"o\",\"reason\":\"=1\",\"until\":"
           "\"2027-01-01\"}]");
}

static void errors_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "line 1, column 1: there is no column \"\""},
        {"finding,owner,reason,until,what\n", "line 1, column 28: there is no column \"what\""},
        {"finding,owner,owner\n", "line 1, column 15: the column \"owner\" stands there twice"},
        {"finding,owner,reason\n", "line 1, column 1: the header has no column \"until\""},
        {"owner,reason,until\n", "line 1, column 1: the header has neither a column \"finding\""},
        {"finding,owner,reason,until\n", "no waiver below the header"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,r\n", "line 2, column 14: 3 cells, and the header has 4"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,r,u,v\n", "line 2, column 17: more cells than the header's 4"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,,2027-01-01\n", "line 2, column 13: no reason"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,\"r,2027-01-01\n", "line 2, column 13: the quote is not closed"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,\"r\"s,2027-01-01\n", "line 2, column 16: text behind a closed"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,r\"s,2027-01-01\n", "line 2, column 14: a quote in a cell"},
        {"finding,owner,reason,until\n,o,r,2027-01-01\n", "line 2, column 1: neither a finding nor a rule"},
        {HEADER "1.1.1.1:1,r,,,,,o,r,2027-01-01\n", "line 2, column 1: a finding and a rule"},
        {HEADER "1.1.1.1:1,,,1.1.1.1,,,o,r,2027-01-01\n", "line 2, column 13: cidr goes with a rule"},
        {HEADER ",r,,,,app,o,r,2027-01-01\n", "line 2, column 7: the tag \"app\" is not KEY=VALUE"},
        {"finding,owner,reason,until\n1.1.1.1:1,o,\xff,2027-01-01\n", "line 2, column 13: the cell is not UTF-8"},
        {"finding,owner,reason,until\n\xff,o,r,2027-01-01\n", "line 2, column 1: the cell is not UTF-8"},
        {"rule,owner,reason,until\nr\xc0\xaf,o,r,2027-01-01\n", "line 2, column 1: the cell is not UTF-8"},
        {"rule,realm,owner,reason,until\nr,\"a \xed\xa0\x80\",o,r,2027-01-01\n",
         "line 2, column 3: the cell is not UTF-8"},
        {"rule,tag,owner,reason,until\nr,k=\xf5,o,r,2027-01-01\n", "line 2, column 3: the cell is not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char reason[WAIVER_CSV_REASON_SIZE] = "";
        json_t *entries = NULL;
        int rc = waiver_csv_parse(rows[i].text, strlen(rows[i].text), &entries, reason);
        if (rc != -EBADMSG || strstr(reason, rows[i].message) == NULL) {
            fail_msg("%s: %d \"%s\", not \"%s\"", rows[i].text, rc, reason, rows[i].message);
        }
    }
}

static void every_prefix_is_read_or_refused(void **state)
{
    static const char text[] = HEADER ",user/ssh,a,10.0.0.0/8,\"db-\"\"*\",app=shop,o,\"r\r\ns\",2027-01-01\r\n";

    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        char reason[WAIVER_CSV_REASON_SIZE];
        char *copy = malloc(size + 1);
        json_t *entries = NULL;
        memcpy(copy, text, size);
        if (waiver_csv_parse(copy, size, &entries, reason) == 0) {
            json_decref(entries);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_entries),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(every_prefix_is_read_or_refused),
    };
    return cmocka_run_group_tests_name("waiver_csv", tests, NULL, NULL);
}
