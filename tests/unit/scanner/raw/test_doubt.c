#include "scanner/raw/doubt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t MS = 1000000;
static const uint8_t BEFORE[ROUTE_MAC] = {2, 0, 0, 0, 0, 1};
static const uint8_t OTHER[ROUTE_MAC] = {2, 0, 0, 0, 0, 2};

static struct addr addr_of(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static struct doubt *of(struct pacer *pacer, const struct addr *addr)
{
    struct doubt *doubt = doubt_create(pacer);
    struct neighbour_question question = {.addr = *addr, .link = 1};

    assert_non_null(doubt);
    assert_int_equal(doubt_add(doubt, &question, BEFORE), 0);
    return doubt;
}

/* Asks until it is over: each question is answered by the other address, and the `at`th (from 1; 0: none) by the one
 * before, `first` saying whether that one is the quicker. */
static uint32_t ask_all(struct doubt *doubt, struct mono_time *now, bool by_other, uint32_t at, bool first)
{
    struct neighbour_question asked;
    uint32_t questions = 0;

    while (!doubt_is_over(doubt, *now)) {
        while (doubt_next(doubt, *now, &asked)) {
            questions++;
            if (first && questions == at) {
                doubt_learn(doubt, asked.link, &asked.addr, BEFORE);
            }
            if (by_other) {
                doubt_learn(doubt, asked.link, &asked.addr, OTHER);
            }
            if (!first && questions == at) {
                doubt_learn(doubt, asked.link, &asked.addr, BEFORE);
            }
        }
        now->ns += MS;
        assert_true(questions < 1000);
    }
    return questions;
}

static void who_answers_from_another_address_alone_has_moved(void **state)
{
    struct addr addr = addr_of("10.0.0.7");
    struct pacer pacer = {0};
    struct mono_time now = {.ns = 1000 * MS};
    struct doubt *doubt = of(&pacer, &addr);
    (void)state;
    assert_int_equal(ask_all(doubt, &now, true, 0, false), NEIGHBOUR_TRIES);
    assert_non_null(doubt_moved(doubt, 1, &addr));
    assert_memory_equal(doubt_moved(doubt, 1, &addr), OTHER, ROUTE_MAC);
    assert_null(doubt_moved(doubt, 2, &addr));
    assert_null(doubt_gone(doubt, 0));
    doubt_destroy(doubt);
}

/* Forged answers are there for each question, before and behind the true one. */
static void who_still_answers_has_stayed_whatever_others_say(void **state)
{
    struct addr addr = addr_of("10.0.0.7");
    (void)state;
    for (uint32_t at = 1; at <= NEIGHBOUR_TRIES; at++) {
        for (int first = 0; first < 2; first++) {
            struct pacer pacer = {0};
            struct mono_time now = {.ns = 1000 * MS};
            struct doubt *doubt = of(&pacer, &addr);
            assert_int_equal(ask_all(doubt, &now, true, at, first != 0), at);
            assert_null(doubt_moved(doubt, 1, &addr));
            assert_null(doubt_gone(doubt, 0));
            doubt_destroy(doubt);
        }
    }
}

static void who_is_silent_is_nowhere_else(void **state)
{
    struct addr addr = addr_of("fd00::7");
    struct addr stranger = addr_of("fd00::8");
    struct pacer pacer = {0};
    struct mono_time now = {.ns = 1000 * MS};
    struct doubt *doubt = of(&pacer, &addr);
    (void)state;
    doubt_learn(doubt, 1, &stranger, OTHER);
    doubt_learn(doubt, 2, &addr, OTHER);
    assert_int_equal(ask_all(doubt, &now, false, 0, false), NEIGHBOUR_TRIES);
    assert_null(doubt_moved(doubt, 1, &addr));
    assert_null(doubt_moved(doubt, 1, &stranger));
    assert_int_equal(doubt_count(doubt), 1);
    assert_true(addr_equal(&doubt_gone(doubt, 0)->addr, &addr));
    doubt_destroy(doubt);
}

static void many_are_asked_once_each(void **state)
{
    struct addr addr = addr_of("10.0.0.0");
    struct pacer pacer = {0};
    struct mono_time now = {.ns = 1000 * MS};
    struct doubt *doubt = doubt_create(&pacer);
    (void)state;
    for (int i = 0; i < 400; i++) {
        struct neighbour_question question = {.addr = addr, .link = 1};
        question.addr.bytes[2] = (uint8_t)(i % 200);
        assert_int_equal(doubt_add(doubt, &question, i < 200 ? BEFORE : OTHER), 0);
    }
    assert_int_equal(ask_all(doubt, &now, true, 0, false), 200 * NEIGHBOUR_TRIES);
    doubt_destroy(doubt);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_answers_from_another_address_alone_has_moved),
        cmocka_unit_test(who_still_answers_has_stayed_whatever_others_say),
        cmocka_unit_test(who_is_silent_is_nowhere_else),
        cmocka_unit_test(many_are_asked_once_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
