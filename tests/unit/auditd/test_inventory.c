#include "auditd/inventory/inventory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int parse_fn(const char *text, size_t size, struct inventory *ret_inventory,
                     char reason[INVENTORY_REASON_SIZE]);

static struct inventory parsed(parse_fn *parse, const char *text)
{
    char reason[INVENTORY_REASON_SIZE] = "";
    struct inventory inventory;

    if (parse(text, strlen(text), &inventory, reason) != 0) {
        fail_msg("%s\n%s", text, reason);
    }
    return inventory;
}

/* "KEY NAME ADDRESS,… TAG=VALUE …; " for each host. */
static void assert_says(struct inventory *inventory, const char *expected)
{
    char found[1024] = "";
    char text[ADDR_TEXT_SIZE];

    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_host *host = &inventory->hosts[i];
        size_t length = strlen(found);
        length += (size_t)snprintf(found + length, sizeof(found) - length, "%s %s ", inventory_key(host, text),
                                   host->name == NULL ? "-" : host->name);
        for (size_t j = 0; j < host->address_count; j++) {
            length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%s", j == 0 ? "" : ",",
                                       addr_format(&host->addresses[j], text));
        }
        for (size_t j = 0; j < host->tag_count; j++) {
            length += (size_t)snprintf(found + length, sizeof(found) - length, " %s=%s", host->tags[j].key,
                                       host->tags[j].value);
        }
        snprintf(found + length, sizeof(found) - length, "; ");
    }
    assert_string_equal(found, expected);
    inventory_done(inventory);
}

static void reads_csv(void **state)
{
    struct inventory inventory = parsed(inventory_parse_csv, "\xef\xbb\xbf"
                                                             "address,id,name,tags,tag:zone\r\n"
                                                             "10.0.0.1,i-1,db1,app=shop;tier=db,a\r\n"
                                                             "\r\n"
                                                             "10.0.0.2 fd00::2;10.0.0.3,,,,\r\n"
                                                             "\"10.0.0.4\",\"i,4\",,\"x=a \"\"b\"\"\",\r\n");

    (void)state;
    assert_false(inventory.is_complete);
    assert_says(&inventory, "i-1 db1 10.0.0.1 app=shop tier=db zone=a; 10.0.0.2 - 10.0.0.2,fd00::2,10.0.0.3; i,4 - "
                            "10.0.0.4 x=a \"b\"; ");
    inventory = parsed(inventory_parse_csv, "name\nweb.example\n#end,1\n");
    assert_true(inventory.is_complete);
    assert_says(&inventory, "web.example web.example ; ");
    inventory = parsed(inventory_parse_csv, "ip,hostname\n#end,0\n");
    assert_true(inventory.is_complete);
    assert_says(&inventory, "");
}

static void reads_json(void **state)
{
    struct inventory inventory =
        parsed(inventory_parse_json, "[{\"address\":\"10.0.0.1\",\"id\":\"i-1\",\"tags\":{\"app\":\"shop\"}},"
                                     "{\"addresses\":[\"10.0.0.2\",\"fd00::2\"],\"name\":\"two\",\"id\":null}]");

    (void)state;
    assert_true(inventory.is_complete);
    assert_says(&inventory, "i-1 - 10.0.0.1 app=shop; two two 10.0.0.2,fd00::2; ");
    inventory = parsed(inventory_parse_json, "{\"hosts\": [], \"made_by\": \"a script\"}");
    assert_true(inventory.is_complete);
    assert_says(&inventory, "");
}

struct wrong {
    parse_fn *parse;
    const char *text;
    const char *says;
};

static void refuses(const struct wrong *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char reason[INVENTORY_REASON_SIZE] = "";
        struct inventory inventory;
        int rc = cases[i].parse(cases[i].text, strlen(cases[i].text), &inventory, reason);
        if (rc != -EBADMSG || strstr(reason, cases[i].says) == NULL) {
            fail_msg("%s\n%d: %s\ninstead of: %s", cases[i].text, rc, reason, cases[i].says);
        }
        inventory_done(&inventory);
    }
}

static void says_where_it_is_no_utf8(void **state)
{
    static const struct wrong cases[] = {
        {inventory_parse_csv, "address,id\n10.0.0.1,a\xff\n", "line 2, column 10: the cell is not UTF-8"},
        {inventory_parse_csv, "address,id\n\"10.0.0.1\n10.0.0.2\",caf\xe9\n",
         "line 3, column 11: the cell is not UTF-8"},
        {inventory_parse_csv, "id,tags\na,k=\xed\xa0\x80\n", "line 2, column 3: the cell is not UTF-8"},
        {inventory_parse_csv, "id\n\"\xc3\"\n", "line 2, column 1: the cell is not UTF-8"},
        {inventory_parse_csv, "\xef\xbb\xbfid,tag:\xc0\xaf\na,b\n", "line 1, column 4: the cell is not UTF-8"},
        {inventory_parse_csv, "id\n#end,\xff\n", "line 2, column 6: the cell is not UTF-8"},
        {inventory_parse_json, "[{\"id\":\n\"\xff\"}]", "line 2, column 1: unable to decode byte 0xff"},
        {inventory_parse_json, "[{\"\xe9\":1}]", "line 1, column 3: unable to decode byte 0xe9"},
        {inventory_parse_json, "[{\"id\":\"\\ud800\"}]", "line 1, column 15: invalid Unicode"},
        {inventory_parse_json, "[{\"id\":\"\\u0000\"}]", "a text has a zero byte in it (\\u0000)"},
    };

    (void)state;
    refuses(cases, sizeof(cases) / sizeof(*cases));
}

static void says_what_is_wrong(void **state)
{
    static const struct wrong cases[] = {
        {inventory_parse_csv, "", "line 1: it is empty"},
        {inventory_parse_csv, "address", "line 1: the last line has no end"},
        {inventory_parse_csv, "address,owner\n", "line 1: the column \"owner\" is none of"},
        {inventory_parse_csv, "tag:\n", "line 1: the column \"tag:\" is none of"},
        {inventory_parse_csv, "address\n10.0.0.1\n10.0.0", "line 3: the last line has no end: is the file whole?"},
        {inventory_parse_csv, "address\n10.0.0\n", "line 2: \"10.0.0\" is no address"},
        {inventory_parse_csv, "address,id\n10.0.0.1\n", "line 2: it has not as many cells"},
        {inventory_parse_csv, "address,id\n10.0.0.1,a,b\n", "line 2: it has not as many cells"},
        {inventory_parse_csv, "address,id\n10.0.0.1,\"a\n", "line 2: a quote is opened and never closed"},
        {inventory_parse_csv, "address,id\n10.0.0.1,\"a\"b\n", "line 2: a comma or the line's end must follow"},
        {inventory_parse_csv, "address,id\n10.0.0.1,a\"b\n", "line 2: a comma or the line's end must follow"},
        {inventory_parse_csv, "address,tags\n10.0.0.1,app\n", "line 2: \"app\" is no tag like app=shop"},
        {inventory_parse_csv, "address,tags\n10.0.0.1,a=1;a=2\n", "line 2: a host has the tag \"a\" twice"},
        {inventory_parse_csv, "address,id\n,\"\"\n\n10.0.0.1,\n", "host 1 has neither"},
        {inventory_parse_csv, "address,id\n10.0.0.1,a\n10.0.0.2,a\n", "two hosts \"a\""},
        {inventory_parse_csv, "address,id\n10.0.0.1,a\n10.0.0.1,b\n", "address 10.0.0.1 stands there twice"},
        {inventory_parse_csv, "address\n10.0.0.1\n#end,2\n", "line 3: #end,N must be the last line, and N the 1 hosts"},
        {inventory_parse_csv, "address\n#end,0\n10.0.0.1\n", "line 2: #end,N must be the last line"},
        {inventory_parse_csv, "address\n#end\n", "line 2: the mark of the end is #end,N"},
        {inventory_parse_csv, "name\nno name\n", "line 2: \"no name\" is no host name"},
        {inventory_parse_csv, "address,id\n10.0.0.1,a\tb\n", "line 2: a host's id has at most 512 bytes"},
        {inventory_parse_json, "", "line 1, column 0"},
        {inventory_parse_json, "[{\"address\":\"10.0.0.1\"}", "line 1, column 23"},
        {inventory_parse_json, "[]]", "line 1, column 3"},
        {inventory_parse_json, "[{\"address\":\"10.0.0.1\",\"address\":\"10.0.0.2\"}]", "duplicate"},
        {inventory_parse_json, "{}", "it must be a list of hosts"},
        {inventory_parse_json, "{\"hosts\": {}}", "it must be a list of hosts"},
        {inventory_parse_json, "[1]", "host 1: a host must be an object"},
        {inventory_parse_json, "[{}]", "host 1 has neither an address nor a name nor an id"},
        {inventory_parse_json, "[{\"id\":1}]", "host 1: \"id\" must be a text"},
        {inventory_parse_json, "[{\"address\":\"ten\"}]", "host 1: \"ten\" is no address"},
        {inventory_parse_json, "[{\"addresses\":[1]}]", "host 1: \"addresses\" must hold texts"},
        {inventory_parse_json, "[{\"adress\":\"10.0.0.1\"}]", "host 1: \"adress\" is none of"},
        {inventory_parse_json, "[{\"id\":\"a\",\"tags\":[]}]", "host 1: \"tags\" must be an object"},
        {inventory_parse_json, "[{\"id\":\"a\",\"tags\":{\"\":\"x\"}}]", "host 1: the tag \"\""},
        {inventory_parse_json, "[{\"id\":\"a\"},{\"id\":\"a\"}]", "two hosts \"a\""},
    };

    (void)state;
    refuses(cases, sizeof(cases) / sizeof(*cases));
}

/* Wherever a file is cut off, it is an error or does not say that it is whole. */
static void no_part_is_complete(void **state)
{
    static const struct {
        parse_fn *parse;
        const char *text;
    } wholes[] = {
        {inventory_parse_csv, "address,id\n10.0.0.1,a\n10.0.0.2,\"b\"\"\"\n#end,2\n"},
        {inventory_parse_json, "{\"hosts\": [{\"address\": \"10.0.0.1\", \"tags\": {\"a\": \"b\"}}, {\"id\": \"x\"}]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++) {
        for (size_t size = 0; size < strlen(wholes[i].text); size++) {
            char reason[INVENTORY_REASON_SIZE] = "";
            struct inventory inventory;
            int rc = wholes[i].parse(wholes[i].text, size, &inventory, reason);
            assert_true(rc == -EBADMSG || (rc == 0 && !inventory.is_complete));
            assert_true(rc == 0 || reason[0] != '\0');
            inventory_done(&inventory);
        }
    }
}

static void names_a_zero_byte(void **state)
{
    static const char text[] = "address,id\n10.0.0.1,a\0b\n#end,1\n";
    static const char wide[] = "a\0d\0d\0\n\0";
    struct inventory inventory;
    char reason[INVENTORY_REASON_SIZE];

    (void)state;
    assert_int_equal(inventory_parse_csv(text, sizeof(text) - 1, &inventory, reason), -EBADMSG);
    assert_string_equal(reason, "line 2: there is a zero byte in it: is it text, in UTF-8 and not UTF-16?");
    inventory_done(&inventory);
    assert_int_equal(inventory_parse_csv(wide, sizeof(wide) - 1, &inventory, reason), -EBADMSG);
    assert_string_equal(reason, "line 1: there is a zero byte in it: is it text, in UTF-8 and not UTF-16?");
    inventory_done(&inventory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_a_zero_byte),
        cmocka_unit_test(reads_csv),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(says_where_it_is_no_utf8),
        cmocka_unit_test(no_part_is_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
