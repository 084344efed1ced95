#include "web/repeat.h"

#include "web/route.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct asked {
    struct exchange exchange;
    struct request_head head;
    struct uri uri;
};

static void ask(struct asked *asked, const char *token, const char *key, const char *content)
{
    static struct exchange_site site;
    memset(asked, 0, sizeof(*asked));
    exchange_init(&asked->exchange, &site);
    snprintf(asked->exchange.principal.token, sizeof(asked->exchange.principal.token), "%s", token);
    asked->uri.path = "/api/v1/x";
    asked->head = (struct request_head){.method = "POST",
                                        .target = "/api/v1/x",
                                        .idempotency_key = key,
                                        .content = content,
                                        .content_length = strlen(content)};
    asked->exchange.uri = &asked->uri;
    asked->exchange.head = &asked->head;
}

static enum repeat_state begin(struct repeat_table *table, struct asked *asked, const char *key, const char *content)
{
    ask(asked, "0123456789ab", key, content);
    return repeat_begin(table, &asked->exchange);
}

static void done(struct asked *asked)
{
    exchange_done(&asked->exchange);
}

static void does_once_and_answers_again(void **state)
{
    struct repeat_table *table = repeat_table_create();
    struct asked first;
    struct asked again;
    (void)state;
    assert_int_equal(begin(table, &first, "k", "{}"), REPEAT_NEW);
    assert_int_equal(begin(table, &again, "k", "{}"), REPEAT_REFUSED);
    assert_int_equal(again.exchange.problem.status, 409);
    done(&again);
    first.exchange.status = 202;
    snprintf(first.exchange.location, sizeof(first.exchange.location), "/api/v1/jobs/1");
    buffer_add(&first.exchange.body, "{\"a\":1}", 7);
    repeat_keep(table, &first.exchange);
    done(&first);
    assert_int_equal(begin(table, &again, "k", "{}"), REPEAT_ANSWERED);
    assert_int_equal(again.exchange.status, 202);
    assert_string_equal(again.exchange.location, "/api/v1/jobs/1");
    assert_int_equal(again.exchange.body.length, 7);
    assert_memory_equal(again.exchange.body.bytes, "{\"a\":1}", 7);
    done(&again);
    assert_int_equal(begin(table, &again, "k", "{ }"), REPEAT_REFUSED);
    assert_int_equal(again.exchange.problem.status, 422);
    done(&again);
    ask(&again, "another token", "k", "{}");
    assert_int_equal(repeat_begin(table, &again.exchange), REPEAT_NEW);
    done(&again);
    repeat_table_destroy(table);
}

static void remembers_refusals_and_forgets_failures(void **state)
{
    struct repeat_table *table = repeat_table_create();
    struct asked asked;
    (void)state;
    assert_int_equal(begin(table, &asked, "k", "{}"), REPEAT_NEW);
    problem_set(&asked.exchange.problem, 503, "no daemon");
    repeat_keep(table, &asked.exchange);
    done(&asked);
    assert_int_equal(begin(table, &asked, "k", "{}"), REPEAT_NEW);
    problem_set(&asked.exchange.problem, 409, "it is waived");
    repeat_keep(table, &asked.exchange);
    done(&asked);
    assert_int_equal(begin(table, &asked, "k", "{}"), REPEAT_ANSWERED);
    assert_int_equal(asked.exchange.problem.status, 409);
    assert_string_equal(asked.exchange.problem.detail, "it is waived");
    done(&asked);
    repeat_table_destroy(table);
}

static void takes_keys_that_are_some(void **state)
{
    static const char *const bad[] = {"", "a b", "\t", "\xc3\xa9", "x\x7f"};
    struct repeat_table *table = repeat_table_create();
    char longest[REPEAT_KEY_MAX + 2];
    struct asked asked;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(begin(table, &asked, bad[i], "{}"), REPEAT_REFUSED);
        assert_int_equal(asked.exchange.problem.status, 400);
        done(&asked);
    }
    memset(longest, 'k', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(begin(table, &asked, longest, "{}"), REPEAT_REFUSED);
    done(&asked);
    assert_int_equal(begin(table, &asked, longest + 1, "{}"), REPEAT_NEW);
    done(&asked);
    assert_int_equal(begin(table, &asked, NULL, "{}"), REPEAT_NOT_ASKED);
    done(&asked);
    repeat_table_destroy(table);
}

/* The oldest answers go, what is under way stays. */
static void holds_so_many_and_no_more(void **state)
{
    struct repeat_table *table = repeat_table_create();
    struct asked asked;
    char key[16];
    (void)state;
    assert_int_equal(begin(table, &asked, "open", "{}"), REPEAT_NEW);
    done(&asked);
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(begin(table, &asked, key, "{}"), REPEAT_NEW);
        repeat_keep(table, &asked.exchange);
        done(&asked);
    }
    assert_int_equal(begin(table, &asked, "k2999", "{}"), REPEAT_ANSWERED);
    done(&asked);
    assert_int_equal(begin(table, &asked, "k0", "{}"), REPEAT_NEW);
    done(&asked);
    assert_int_equal(begin(table, &asked, "open", "{}"), REPEAT_REFUSED);
    done(&asked);
    repeat_table_destroy(table);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_once_and_answers_again),
        cmocka_unit_test(remembers_refusals_and_forgets_failures),
        cmocka_unit_test(takes_keys_that_are_some),
        cmocka_unit_test(holds_so_many_and_no_more),
    };
    return cmocka_run_group_tests_name("repeat", tests, start, NULL);
}
