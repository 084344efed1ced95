#include "auditd/finding/pile.h"

#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOSTS = 7, MOST = 40 };

static const char *const services[] = {"ssh", "redis", "http", "postgresql"};
static const char *const classes[] = {"own-vpc", "vpn", "world"};
static const double breadths[] = {0.15, 0.4, 1};

static unsigned draw(unsigned *seed, unsigned below)
{
    return (unsigned)rand_r(seed) % below;
}

static struct score_item draw_item(unsigned *seed)
{
    unsigned class = draw(seed, 3);
    double weight = 10 * (1 + draw(seed, 4));

    return (struct score_item){
        .kind = draw(seed, 5) == 0 ? "proxy-bypass" : VERDICT_KIND_EXPOSURE,
        .service = services[draw(seed, 4)],
        .breadth_class = classes[class],
        .service_weight = weight,
        .breadth = breadths[class],
        .evidence = 1,
        .need = 1,
        .penalty = weight * breadths[class],
        .waived = draw(seed, 6) == 0,
        .count = 1,
    };
}

static char *terms_of(const struct score *score)
{
    json_t *terms = score_terms_json(score);
    json_t *caps = score_caps_json(score);
    json_t *all =
        json_pack("{s:o, s:o, s:s, s:f, s:f, s:f, s:f}", "terms", terms, "caps", caps, "grade", score->grade, "score",
                  score->score, "exposure", score->exposure, "waived", score->waived, "coverage", score->coverage);
    char *text = json_dumps(all, JSON_REAL_PRECISION(9));

    json_decref(all);
    assert_non_null(text);
    return text;
}

static void assert_same_score(const struct score *left, const struct score *right)
{
    char *a = terms_of(left);
    char *b = terms_of(right);

    assert_string_equal(a, b);
    free(a);
    free(b);
}

/* Hosts' piles that are joined come to what all their findings in one list come to. */
static void a_pile_scores_as_its_findings_do(void **state)
{
    unsigned seed = 20261123;

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct pile_kinds *kinds = pile_kinds_create();
        struct pile all = {0};
        struct score_item items[HOSTS * MOST];
        struct score piled;
        struct score listed;
        size_t count = 0;

        assert_non_null(kinds);
        for (size_t host = 0; host < HOSTS; host++) {
            struct pile pile = {.planned = 10, .judged = host, .hosts = 1};
            for (unsigned i = draw(&seed, MOST); i > 0; i--) {
                items[count] = draw_item(&seed);
                assert_int_equal(pile_add(kinds, &pile, &items[count++]), 0);
            }
            assert_int_equal(pile_join(&all, &pile), 0);
            pile_done(&pile);
        }
        assert_int_equal(all.hosts, HOSTS);
        assert_int_equal(pile_score(&all, &piled), 0);
        assert_int_equal(score_compute(items, count, 21.0 / 70, &listed), 0);
        assert_same_score(&piled, &listed);
        score_done(&piled);
        score_done(&listed);
        pile_done(&all);
        pile_kinds_destroy(kinds);
    }
}

static void text_may_go_after_it_was_added(void **state)
{
    struct pile_kinds *kinds = pile_kinds_create();
    struct pile pile = {0};
    char service[] = "ssh";
    struct score_item item = {VERDICT_KIND_EXPOSURE, service, "vpn", 30, 0.4, 1, 1, 12, false, 1};
    struct score score;

    (void)state;
    assert_int_equal(pile_add(kinds, &pile, &item), 0);
    memset(service, 'x', sizeof(service) - 1);
    assert_int_equal(pile_add(kinds, &pile, &item), 0);
    assert_int_equal(pile.count, 2);
    assert_int_equal(pile_score(&pile, &score), 0);
    assert_true(score.coverage == 0);
    assert_string_equal(score.terms[0].service, "ssh");
    assert_string_equal(score.terms[1].service, "xxx");
    score_done(&score);
    pile_clear(&pile);
    assert_int_equal(pile_score(&pile, &score), 0);
    assert_int_equal(score.term_count, 0);
    assert_true(score.score >= 100);
    score_done(&score);
    pile_done(&pile);
    pile_kinds_destroy(kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pile_scores_as_its_findings_do),
        cmocka_unit_test(text_may_go_after_it_was_added),
    };
    return cmocka_run_group_tests_name("pile", tests, NULL, NULL);
}
