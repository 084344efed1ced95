#include "web/route.h"

#include "web/framing.h"
#include "web/metrics.h"
#include "web/store_pool.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct store_pool *pool;
static struct gate *gate;
static struct metrics metrics;

static void answer(struct exchange *exchange, const char *method, const char *target, const char *accept,
                   const char *if_none_match)
{
    static struct exchange_site site;
    struct framing framing;
    const struct request_head head = {
        .method = method, .target = target, .accept = accept, .if_none_match = if_none_match, .framing = &framing};
    site = (struct exchange_site){.pool = pool, .metrics = &metrics, .gate = gate};
    framing_init(&framing);
    framing_add(&framing, "Host", "localhost");
    exchange_init(exchange, &site);
    route_answer(exchange, &head);
}

static unsigned status_of(const char *method, const char *target, const char *accept)
{
    struct exchange exchange;
    unsigned status;
    answer(&exchange, method, target, accept, NULL);
    status = exchange.problem.status == 0 ? exchange.status : exchange.problem.status;
    exchange_done(&exchange);
    return status;
}

static void finds_routes_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", "/healthz", NULL), 200);
    assert_int_equal(status_of("GET", "/", "text/html"), 200);
    assert_int_equal(status_of("GET", "/hosts/0a1b2c3d-0000-4000-8000-00000000000F", NULL), 200);
    assert_int_equal(status_of("GET", "/hosts/0a1b2c3d-0000-4000-8000-00000000000", NULL), 404);
    assert_int_equal(status_of("GET", "/hosts/0a1b2c3d-0000-4000-8000-00000000000Fx", NULL), 404);
    assert_int_equal(status_of("GET", "/hosts/{uuid}", NULL), 404);
    assert_int_equal(status_of("GET", "/assets/style.css", "text/css"), 200);
    assert_int_equal(status_of("GET", "/assets/../route.c", NULL), 404);
    assert_int_equal(status_of("GET", "/Healthz", NULL), 404);
    assert_int_equal(status_of("GET", "healthz", NULL), 400);
    assert_int_equal(status_of("OPTIONS", "*", NULL), 204);
    assert_int_equal(status_of("OPTIONS", "/healthz", NULL), 204);
    assert_int_equal(status_of("DELETE", "/healthz", NULL), 405);
    assert_int_equal(status_of("get", "/healthz", NULL), 405);
    assert_int_equal(status_of("GET", "/healthz", "image/png"), 406);
    assert_int_equal(status_of("GET", "/findings", "application/json"), 406);
}

static void says_that_there_is_no_database(void **state)
{
    struct exchange exchange;
    (void)state;
    for (const struct route *route = routes; route->pattern != NULL; route++) {
        if (!route->needs_store || route->method != NULL || strchr(route->pattern, '{') != NULL) {
            continue;
        }
        answer(&exchange, "GET", route->pattern, NULL, NULL);
        assert_int_equal(exchange.problem.status, 503);
        assert_string_equal(exchange.problem.errors[0].pointer, "#/database/empty");
        exchange_done(&exchange);
    }
    assert_int_equal(status_of("GET", "/readyz", NULL), 503);
    assert_int_equal(status_of("GET", "/metrics", NULL), 503);
}

static void tags_what_it_serves(void **state)
{
    struct exchange exchange;
    char tag[EXCHANGE_ETAG_SIZE];
    (void)state;
    answer(&exchange, "GET", "/assets/style.css", NULL, NULL);
    assert_int_equal(strlen(exchange.etag), 34);
    memcpy(tag, exchange.etag, sizeof(tag));
    exchange_done(&exchange);
    answer(&exchange, "GET", "/assets/style.css", NULL, tag);
    assert_int_equal(exchange.status, 304);
    exchange_done(&exchange);
    answer(&exchange, "GET", "/assets/style.css", NULL, "\"x\", W/, ,,");
    assert_int_equal(exchange.status, 200);
    exchange_done(&exchange);
}

/* A target that the pattern matches. */
static void fill_in(const char *pattern, char *target, size_t size)
{
    const char *hole = strchr(pattern, '{');
    const char *end = hole == NULL ? "" : strchr(hole, '}') + 1;
    int length = hole == NULL ? (int)strlen(pattern) : (int)(hole - pattern);
    snprintf(target, size, "%.*s%s%s", length, pattern, hole == NULL ? "" : "0a1b2c3d-0000-4000-8000-00000000000f",
             end);
}

static void has_a_rule_for_every_row(void **state)
{
    (void)state;
    for (const struct route *route = routes; route->pattern != NULL; route++) {
        assert_int_not_equal(route->rule.kind, GATE_CLOSED);
        /* Rows of one path stand together: another would not be found. */
        for (const struct route *other = route + 1; other->pattern != NULL; other++) {
            assert_true(strcmp(other->pattern, route->pattern) != 0 ||
                        strcmp((other - 1)->pattern, route->pattern) == 0);
        }
        if (route->rule.kind == GATE_ROLE) {
            assert_true((role_scopes(route->rule.role) & route->rule.scope) != 0);
        }
        /* Only what tells nothing of any host is anybody's. */
        if (route->rule.kind == GATE_OPEN) {
            assert_true(!route->needs_store || route->takes_content);
        }
        if (route->takes_content) {
            assert_non_null(route->method);
            char target[128];
            fill_in(route->pattern, target, sizeof(target));
            assert_true(route_takes_content(route->method, target));
            assert_false(route_takes_content("GET", target));
            assert_true(route_asks(route->method, target) == route->asks);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_routes_and_nothing_else),
        cmocka_unit_test(says_that_there_is_no_database),
        cmocka_unit_test(tags_what_it_serves),
        cmocka_unit_test(has_a_rule_for_every_row),
    };
    if (sodium_init() < 0 || store_pool_create("/nonexistent/leastport.db", &pool) != 0 ||
        gate_create(&(struct gate_options){0}, &gate) != 0) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("route", tests, NULL, NULL);
    gate_destroy(gate);
    store_pool_destroy(pool);
    return failed;
}
