#include "scanner/service/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Long enough to tell something. */
#define SHOP                                                                                                           \
    "<!doctype html><html><head><title>Shop</title></head><body><h1>Orders</h1><p>A page of somebody's own, with so "  \
    "much text that nobody else has the same.</p>"

static const char *digest(const char *body, const char *authority, const char *title)
{
    static char text[2][PAGE_DIGEST_SIZE];
    static int turn;

    turn = !turn;
    return page_digest((struct span){(const uint8_t *)body, strlen(body)}, authority, title, text[turn]) ? text[turn]
                                                                                                         : "";
}

static void the_same_page_has_the_same_digest(void **state)
{
    static const struct {
        const char *body;
        const char *authority;
        const char *other_body;
        const char *other_authority;
        bool same;
    } cases[] = {
        {SHOP, "10.0.0.5", SHOP, "10.0.0.6:8080", true},
        {SHOP "\r\nend\r\n", "10.0.0.5", SHOP "\nend", "x", true},
        {SHOP "<a href=\"https://shop.example/in\">", "shop.example", SHOP "<a href=\"http://10.0.0.6:8080/in\">",
         "10.0.0.6:8080", true},
        {SHOP "<a href=\"//Shop.Example/in\">", "shop.example", SHOP "<a href=\"/in\">", "10.0.0.6", true},
        {SHOP "at 10.0.0.5:8080 now", "10.0.0.5:8080", SHOP "at 10.0.0.5:8080 now", "10.0.0.6", false},
        {SHOP "10.0.0.10", "10.0.0.1", SHOP "0", "x", false},
        {SHOP "a", "10.0.0.5", SHOP "b", "10.0.0.5", false},
        {SHOP "<a href=\"http://a.example/\">", "10.0.0.5", SHOP "<a href=\"http://b.example/\">", "10.0.0.6", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *one = digest(cases[i].body, cases[i].authority, "Shop");
        const char *other = digest(cases[i].other_body, cases[i].other_authority, "Shop");
        assert_int_equal(strlen(one), 64);
        if ((strcmp(one, other) == 0) != cases[i].same) {
            fail_msg("case %zu: %s and %s", i, one, other);
        }
    }
}

static void pages_that_everybody_has_have_none(void **state)
{
    char small[PAGE_LEAST];
    char enough[PAGE_LEAST + 1];

    (void)state;
    memset(small, 'x', sizeof(small) - 1);
    small[sizeof(small) - 1] = '\0';
    memset(enough, 'x', sizeof(enough) - 1);
    enough[sizeof(enough) - 1] = '\0';
    assert_string_equal(digest("", "h", ""), "");
    assert_string_equal(digest(small, "h", ""), "");
    assert_int_equal(strlen(digest(enough, "h", "")), 64);
    assert_string_equal(digest(SHOP, "h", "Welcome to nginx!"), "");
    assert_string_equal(digest(SHOP, "h", "Apache2 Debian Default Page: It works"), "");
    assert_int_equal(strlen(digest(SHOP, "h", "Apache or nginx?")), 64);
}

/* Of a long page as much counts wherever it was cut off. */
static void a_long_page_is_cut_behind_what_is_left_out(void **state)
{
    enum { SIZE = 16384 };
    static char rest[SIZE + 1];
    static char one[SIZE + 64];
    static char other[SIZE + 64];

    (void)state;
    memset(rest, 'x', SIZE);
    snprintf(one, sizeof(one), "http://10.0.0.5/%s", rest);
    snprintf(other, sizeof(other), "http://10.0.0.6:8080/%s", rest);
    assert_string_equal(digest(one, "10.0.0.5", ""), digest(other, "10.0.0.6:8080", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_page_has_the_same_digest),
        cmocka_unit_test(pages_that_everybody_has_have_none),
        cmocka_unit_test(a_long_page_is_cut_behind_what_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
