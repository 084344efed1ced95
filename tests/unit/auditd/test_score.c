#include "auditd/finding/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double is, double should)
{
    if (fabs(is - should) > 1e-9) {
        fail_msg("%.12f is not %.12f", is, should);
    }
}

static struct score_item item(const char *service, const char *breadth_class, double weight, double breadth,
                              double need)
{
    return (struct score_item){.count = 1,
                               .kind = VERDICT_KIND_EXPOSURE,
                               .service = service,
                               .breadth_class = breadth_class,
                               .service_weight = weight,
                               .breadth = breadth,
                               .evidence = 1,
                               .need = need,
                               .penalty = weight * breadth * need};
}

static struct score compute(const struct score_item *items, size_t count, double coverage)
{
    struct score score;

    assert_int_equal(score_compute(items, count, coverage, &score), 0);
    return score;
}

static void is_100_without_findings(void **state)
{
    struct score score = compute(NULL, 0, 1);

    (void)state;
    assert_near(score.score, 100);
    assert_string_equal(score.grade, "A");
    assert_near(score.exposure, 0);
    assert_int_equal(score.term_count, 0);
    assert_int_equal(score.cap_count, 0);
    score_done(&score);
}

/* Telnet from its own network 40 x 0.6 = 24; Redis 40 x 0.15 = 6; SSH that nothing allows 30 x 0.15 x 0.8 = 3.6:
 * 100 - (24 + 6/2 + 3.6/4) = 100 - 27.9 = 72.1, a C; exposure 24 + 6 + 3.6 = 33.6. */
static void halves_each_next_term(void **state)
{
    const struct score_item items[] = {item("ssh", "own-vpc", 30, 0.15, 0.8), item("telnet", "own-vpc", 40, 0.6, 1),
                                       item("redis", "own-vpc", 40, 0.15, 1)};
    struct score score = compute(items, 3, 1);

    (void)state;
    assert_near(score.score, 72.1);
    assert_string_equal(score.grade, "C");
    assert_near(score.exposure, 33.6);
    assert_int_equal(score.term_count, 3);
    assert_string_equal(score.terms[0].service, "telnet");
    assert_near(score.terms[1].weight, 0.5);
    assert_near(score.terms[1].cost, 3);
    assert_near(score.terms[2].cost, 0.9);
    score_done(&score);
}

/* Ten alike are one term of 6 x (1 + 0.25 x log10 10) = 7.5; 100,000 alike stop at the double: 12. */
static void gathers_what_is_alike(void **state)
{
    enum { MANY = 100000 };
    struct score_item *items = calloc(MANY, sizeof(*items));
    struct score score;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        items[i] = item("redis", "own-vpc", 40, 0.15, 1);
    }
    score = compute(items, 10, 1);
    assert_int_equal(score.term_count, 1);
    assert_int_equal(score.terms[0].count, 10);
    assert_near(score.terms[0].term, 7.5);
    assert_near(score.score, 92.5);
    assert_near(score.exposure, 60);
    score_done(&score);
    score = compute(items, MANY, 1);
    assert_near(score.terms[0].term, 12);
    assert_near(score.score, 88);
    score_done(&score);
    free(items);
}

/* Another service, breadth or need is another kind, even where the penalty is the same. */
static void keeps_kinds_apart(void **state)
{
    const struct score_item items[] = {item("redis", "own-vpc", 40, 0.15, 1), item("mysql", "own-vpc", 40, 0.15, 1),
                                       item("redis", "wildcard", 40, 0.15, 1), item("redis", "own-vpc", 40, 0.15, 0.8),
                                       item("redis", "own-vpc", 40, 0.15, 1)};
    struct score score = compute(items, 5, 1);

    (void)state;
    assert_int_equal(score.term_count, 4);
    assert_int_equal(score.terms[0].count, 2);
    assert_string_equal(score.terms[1].service, "mysql");
    assert_near(score.terms[3].penalty, 4.8);
    score_done(&score);
}

static void stays_above_zero(void **state)
{
    const struct score_item items[] = {item("redis", "world", 40, 1, 1), item("mysql", "world", 40, 1, 1),
                                       item("rdp", "world", 40, 1, 1), item("docker", "world", 40, 1, 1),
                                       item("telnet", "world", 40, 1, 1)};
    /* 40 (1 + 1/2 + 1/4 + 1/8 + 1/16) = 77.5 */
    struct score score = compute(items, 5, 1);

    (void)state;
    assert_near(score.score, 22.5);
    score_done(&score);
    /* The most that is possible is 160 at 80 a term: below 0. */
    struct score_item many[10000];
    for (size_t i = 0; i < 10000; i++) {
        many[i] = item(i % 2 == 0 ? "redis" : "mysql", "world", 40, 1, 1);
    }
    score = compute(many, 10000, 1);
    assert_true(score.score >= 0);
    /* 40 x (1 + 0.25 x log10 5000) = 76.9897…: 100 - 76.9897 - 38.4949 is below 0 */
    assert_near(score.score, 0);
    assert_string_equal(score.grade, "F");
    score_done(&score);
}

static void grades_at_the_thresholds(void **state)
{
    static const struct {
        double penalty;
        const char *grade;
    } cases[] = {{10, "A"}, {10.01, "B"}, {20, "B"}, {20.01, "C"}, {35, "C"}, {35.01, "D"}, {50, "D"}, {50.01, "F"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct score_item one = item("x", "own-vpc", cases[i].penalty, 1, 1);
        struct score score = compute(&one, 1, 1);
        assert_string_equal(score.grade, cases[i].grade);
        score_done(&score);
    }
}

static void holds_the_grade_down(void **state)
{
    static const struct {
        const char *service;
        const char *breadth_class;
        double coverage;
        const char *grade;
        const char *why;
    } cases[] = {
        {"postgresql", "world", 1, "F", "database"},
        {"redis", "world", 1, "F", "database"},
        {"postgresql", "public-range", 1, "A", NULL},
        {"ssh", "world", 1, "C", "SSH"},
        {"ssh", "public-range", 1, "A", NULL},
        {"http", "world", 0.79, "B", "80 %"},
        {"http", "world", 0.8, "A", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct score_item one = item(cases[i].service, cases[i].breadth_class, 1, 1, 1);
        struct score score = compute(&one, 1, cases[i].coverage);
        assert_string_equal(score.grade, cases[i].grade);
        assert_near(score.score, 99);
        assert_int_equal(score.cap_count, cases[i].why != NULL ? 1 : 0);
        if (cases[i].why != NULL) {
            assert_non_null(strstr(score.caps[0], cases[i].why));
        }
        score_done(&score);
    }
}

/* A database that may be reached, and shows a bad certificate, is no database that is open to the world. */
static void caps_only_for_what_is_open(void **state)
{
    struct score_item items[] = {item("postgresql", "world", 10, 1, 1), item("ssh", "world", 10, 1, 1)};
    struct score score;

    (void)state;
    items[0].kind = "certificate";
    items[1].kind = "old-tls";
    score = compute(items, 2, 1);
    assert_int_equal(score.cap_count, 0);
    assert_string_equal(score.grade, "B");
    score_done(&score);
    items[1].kind = VERDICT_KIND_EXPOSURE;
    score = compute(items, 2, 1);
    assert_int_equal(score.cap_count, 1);
    assert_non_null(strstr(score.caps[0], "SSH"));
    assert_string_equal(score.grade, "C");
    score_done(&score);
    items[1].waived = true;
    score = compute(items, 2, 1);
    assert_int_equal(score.cap_count, 0);
    score_done(&score);
}

static void sums_what_is_waived_apart(void **state)
{
    struct score_item items[] = {item("redis", "world", 40, 1, 1), item("ssh", "own-vpc", 30, 0.15, 0.8)};
    struct score score;

    (void)state;
    items[0].waived = true;
    score = compute(items, 2, 1);
    assert_near(score.waived, 40);
    assert_near(score.exposure, 3.6);
    assert_near(score.score, 96.4);
    assert_string_equal(score.grade, "A");
    score_done(&score);
}

static void tells_every_term_as_json(void **state)
{
    const struct score_item items[] = {item("ssh", "world", 30, 1, 1), item("ssh", "world", 30, 1, 1)};
    struct score score = compute(items, 2, 0.5);
    json_t *terms = score_terms_json(&score);
    json_t *caps = score_caps_json(&score);
    const json_t *term = json_array_get(terms, 0);

    (void)state;
    assert_int_equal(json_array_size(terms), 1);
    assert_int_equal(json_integer_value(json_object_get(term, "count")), 2);
    assert_near(json_real_value(json_object_get(term, "penalty")), 30);
    assert_near(json_real_value(json_object_get(term, "cost")), 30 * (1 + 0.25 * log10(2)));
    assert_string_equal(json_string_value(json_object_get(term, "service")), "ssh");
    assert_int_equal(json_array_size(caps), 2);
    json_decref(terms);
    json_decref(caps);
    score_done(&score);
}

/* The order in which findings come decides nothing. */
static void is_the_same_in_any_order(void **state)
{
    const struct score_item items[] = {item("a", "world", 5, 1, 1), item("b", "vpn", 5, 0.4, 1),
                                       item("a", "world", 5, 1, 1), item("c", "peer", 5, 0.4, 1)};
    struct score_item turned[4];
    struct score one = compute(items, 4, 1);
    struct score other;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        turned[i] = items[3 - i];
    }
    other = compute(turned, 4, 1);
    assert_near(one.score, other.score);
    assert_int_equal(one.term_count, other.term_count);
    for (size_t i = 0; i < one.term_count; i++) {
        assert_string_equal(one.terms[i].service, other.terms[i].service);
    }
    score_done(&one);
    score_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_100_without_findings),   cmocka_unit_test(halves_each_next_term),
        cmocka_unit_test(gathers_what_is_alike),     cmocka_unit_test(keeps_kinds_apart),
        cmocka_unit_test(stays_above_zero),          cmocka_unit_test(grades_at_the_thresholds),
        cmocka_unit_test(holds_the_grade_down),      cmocka_unit_test(caps_only_for_what_is_open),
        cmocka_unit_test(sums_what_is_waived_apart), cmocka_unit_test(tells_every_term_as_json),
        cmocka_unit_test(is_the_same_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
