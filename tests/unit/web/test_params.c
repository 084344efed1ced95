#include "web/params.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct things {
    struct store_texts names;
    struct store_texts colours;
    struct store_numbers ports;
    int severity_min;
    int64_t since;
    bool all;
    const char *one;
    struct store_page page;
};

static const char *const colours[] = {"red", "green", NULL};
static const char *const sorts[] = {"id", "size", NULL};
static const char *const groups[] = {"colour", "port", NULL};
static const struct param params_of_things[] = {
    {"name", PARAM_TEXTS, offsetof(struct things, names), NULL},
    {"colour", PARAM_CHOICES, offsetof(struct things, colours), colours},
    {"port", PARAM_PORTS, offsetof(struct things, ports), NULL},
    {"severity_min", PARAM_SEVERITY, offsetof(struct things, severity_min), NULL},
    {"since", PARAM_TIME, offsetof(struct things, since), NULL},
    {"all", PARAM_FLAG, offsetof(struct things, all), NULL},
    {"one", PARAM_TEXT, offsetof(struct things, one), NULL},
};
static const struct param_table table = {
    .resource = "things",
    .params = params_of_things,
    .param_count = 7,
    .page_offset = offsetof(struct things, page),
    .sorts = sorts,
    .sort = 1,
    .is_descending = true,
    .groups = groups,
};

static bool parse(const char *target, struct uri *uri, struct things *things, struct params *params,
                  struct problem *problem)
{
    memset(things, 0, sizeof(*things));
    memset(problem, 0, sizeof(*problem));
    assert_int_equal(uri_parse(target, uri), 0);
    return params_parse(&table, uri, things, params, problem);
}

static void fills_the_filter(void **state)
{
    struct uri uri;
    struct things things;
    struct params params;
    struct problem problem;
    (void)state;
    assert_true(parse(
        "/?name=a,b&colour=green&port=0,65535&severity_min=high&since=1970-01-01T00:00:01Z&all=true&one=x&limit=7&"
        "sort=id&group_by=port,colour",
        &uri, &things, &params, &problem));
    assert_int_equal(things.names.count, 2);
    assert_string_equal(things.names.values[1], "b");
    assert_string_equal(things.colours.values[0], "green");
    assert_int_equal(things.ports.values[1], 65535);
    assert_int_equal(things.severity_min, 3);
    assert_int_equal(things.since, 1000);
    assert_true(things.all);
    assert_string_equal(things.one, "x");
    assert_int_equal(things.page.limit, 8);
    assert_int_equal(things.page.sort, 0);
    assert_false(things.page.is_descending);
    assert_int_equal(params.group_count, 2);
    assert_int_equal(params.groups[0], 1);
    uri_done(&uri);
    assert_true(parse("/", &uri, &things, &params, &problem));
    assert_int_equal(things.page.limit, PARAMS_LIMIT + 1);
    assert_int_equal(things.page.sort, 1);
    assert_true(things.page.is_descending);
    uri_done(&uri);
}

static void refuses_and_names_the_place(void **state)
{
    static const struct {
        const char *target;
        const char *pointer;
    } cases[] = {
        {"/?what=1", "#/query/what"},        {"/?name=", "#/query/name"},
        {"/?name=a,,b", "#/query/name"},     {"/?name=a&name=b", "#/query/name"},
        {"/?colour=blue", "#/query/colour"}, {"/?colour=red,blue", "#/query/colour"},
        {"/?port=65536", "#/query/port"},    {"/?port=1,x", "#/query/port"},
        {"/?port=-1", "#/query/port"},       {"/?severity_min=5", "#/query/severity_min"},
        {"/?since=now", "#/query/since"},    {"/?since=2026-02-30T00:00:00Z", "#/query/since"},
        {"/?all=yes", "#/query/all"},        {"/?one=", "#/query/one"},
        {"/?limit=501", "#/query/limit"},    {"/?sort=--id", "#/query/sort"},
        {"/?sort=", "#/query/sort"},         {"/?group_by=port,port", "#/query/group_by"},
        {"/?cursor=x", "#/query/cursor"},    {"/?=1", "#/query/"},
    };
    struct uri uri;
    struct things things;
    struct params params;
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_false(parse(cases[i].target, &uri, &things, &params, &problem));
        assert_int_equal(problem.status, 400);
        assert_string_equal(problem.errors[0].pointer, cases[i].pointer);
        uri_done(&uri);
    }
}

static void binds_cursors_to_filters_in_any_order(void **state)
{
    static const char *const targets[] = {"/?name=a&port=1", "/?port=1&limit=9&name=a", "/?name=a",
                                          "/?name=a&port=1&sort=id"};
    struct cursor_binding bindings[4];
    struct uri uri;
    struct things things;
    struct params params;
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(parse(targets[i], &uri, &things, &params, &problem));
        bindings[i] = params.binding;
        uri_done(&uri);
    }
    assert_memory_equal(&bindings[0], &bindings[1], sizeof(*bindings));
    assert_memory_not_equal(&bindings[0], &bindings[2], sizeof(*bindings));
    assert_memory_not_equal(&bindings[0], &bindings[3], sizeof(*bindings));
}

static void takes_128_values_in_all(void **state)
{
    char target[1024];
    size_t length = (size_t)snprintf(target, sizeof(target), "/?name=a");
    struct uri uri;
    struct things things;
    struct params params;
    struct problem problem;
    (void)state;
    for (int i = 1; i < PARAMS_MAX_TEXTS; i++) {
        length += (size_t)snprintf(target + length, sizeof(target) - length, ",a");
    }
    assert_true(parse(target, &uri, &things, &params, &problem));
    uri_done(&uri);
    snprintf(target + length, sizeof(target) - length, ",a");
    assert_false(parse(target, &uri, &things, &params, &problem));
    uri_done(&uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_filter),
        cmocka_unit_test(refuses_and_names_the_place),
        cmocka_unit_test(binds_cursors_to_filters_in_any_order),
        cmocka_unit_test(takes_128_values_in_all),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
