#include "lib/portset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void parses_what_it_formats(void **state)
{
    static const char *const texts[] = {"", "0", "22,80,443", "1-3,65535", "0-65535"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct portset set;
        size_t offset;
        assert_int_equal(portset_parse(texts[i], &set, &offset), 0);
        char *text = portset_format(&set);
        assert_string_equal(text, texts[i]);
        free(text);
    }
}

static void refuses_and_says_where(void **state)
{
    static const struct {
        const char *text;
        int rc;
        size_t offset;
    } cases[] = {
        {"x", -EINVAL, 0},     {"1,", -EINVAL, 1},  {"1,,2", -EINVAL, 2},
        {"70000", -ERANGE, 0}, {"5-3", -ERANGE, 3}, {"1-", -EINVAL, 2},
        {" 1", -EINVAL, 0},    {"1 2", -EINVAL, 1}, {"99999999999999999999", -ERANGE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct portset set;
        size_t offset = 99;
        assert_int_equal(portset_parse(cases[i].text, &set, &offset), cases[i].rc);
        assert_int_equal(offset, cases[i].offset);
    }
}

static void walks_and_counts(void **state)
{
    struct portset set = {0};
    uint16_t ports[4];
    (void)state;
    portset_add(&set, 0);
    portset_add(&set, 63);
    portset_add(&set, 64);
    portset_add(&set, 65535);
    assert_int_equal(portset_count(&set), 4);
    assert_int_equal(portset_list(&set, ports), 4);
    assert_int_equal(ports[2], 64);
    assert_int_equal(portset_next(&set, 65), 65535);
    assert_int_equal(portset_next(&set, 65536), -1);
    portset_remove(&set, 65535);
    assert_int_equal(portset_next(&set, 65), -1);
}

/* Every pair of ends about the borders of words, held to one port after the other. */
static void adds_ranges(void **state)
{
    static const uint16_t ends[] = {0, 1, 62, 63, 64, 65, 126, 127, 128, 129, 300, 65471, 65472, 65534, 65535};
    enum { COUNT = sizeof(ends) / sizeof(*ends) };
    (void)state;
    for (size_t i = 0; i < (size_t)COUNT * COUNT; i++) {
        struct portset whole = {0};
        struct portset single = {0};
        uint16_t first = ends[i / COUNT];
        uint16_t last = ends[i % COUNT];
        portset_add(&whole, 100);
        portset_add(&single, 100);
        portset_add_range(&whole, first, last);
        for (uint32_t port = first; port <= last; port++) {
            portset_add(&single, (uint16_t)port);
        }
        assert_true(portset_equal(&whole, &single));
    }
}

static void finds_the_end_of_a_run(void **state)
{
    static const uint16_t ends[] = {0, 1, 62, 63, 64, 65, 127, 128, 300, 65471, 65472, 65534, 65535};
    enum { COUNT = sizeof(ends) / sizeof(*ends) };
    (void)state;
    for (size_t i = 0; i < (size_t)COUNT * COUNT; i++) {
        struct portset set = {0};
        uint16_t first = ends[i / COUNT];
        uint16_t last = ends[i % COUNT];
        if (first > last) {
            continue;
        }
        portset_add_range(&set, first, last);
        assert_int_equal(portset_run_end(&set, first), last);
        assert_int_equal(portset_run_end(&set, last), last);
        /* What comes after a gap is no part of it. */
        if (last < UINT16_MAX - 1) {
            portset_add(&set, (uint16_t)(last + 2));
            assert_int_equal(portset_run_end(&set, first), last);
        }
    }
}

static void takes_out_another(void **state)
{
    struct portset set = {0};
    struct portset other = {0};
    (void)state;
    portset_add_range(&set, 60, 70);
    portset_add_range(&other, 61, 69);
    portset_add(&other, 65535);
    portset_subtract(&set, &other);
    assert_int_equal(portset_count(&set), 2);
    assert_true(portset_has(&set, 60) && portset_has(&set, 70));
    portset_subtract(&set, &set);
    assert_int_equal(portset_count(&set), 0);
}

static void keeps_what_another_has(void **state)
{
    struct portset set = {0};
    struct portset other = {0};
    (void)state;
    portset_add_range(&set, 60, 70);
    portset_add_range(&other, 69, 80);
    portset_add(&other, 0);
    portset_intersect(&set, &other);
    assert_int_equal(portset_count(&set), 2);
    assert_true(portset_has(&set, 69) && portset_has(&set, 70));
    portset_subtract(&other, &set);
    portset_intersect(&set, &other);
    assert_int_equal(portset_count(&set), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_it_formats), cmocka_unit_test(refuses_and_says_where),
        cmocka_unit_test(walks_and_counts),       cmocka_unit_test(adds_ranges),
        cmocka_unit_test(finds_the_end_of_a_run), cmocka_unit_test(takes_out_another),
        cmocka_unit_test(keeps_what_another_has),
    };
    return cmocka_run_group_tests_name("portset", tests, NULL, NULL);
}
