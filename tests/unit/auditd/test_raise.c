#include "auditd/report/raise.h"

#include "auditd/finding/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KINDS = 6, ROUNDS = 300 };

static const char *const services[KINDS] = {"a", "b", "c", "d", "e", "f"};

/* Random findings of kinds whose penalties differ. */
static size_t draw_items(unsigned *seed, struct score_item *items, size_t most)
{
    size_t count = (size_t)rand_r(seed) % most;

    for (size_t i = 0; i < count; i++) {
        int kind = rand_r(seed) % KINDS;
        items[i] = (struct score_item){.count = 1,
                                       .kind = VERDICT_KIND_EXPOSURE,
                                       .service = services[kind],
                                       .breadth_class = "own-vpc",
                                       .service_weight = 3 + 7 * kind,
                                       .breadth = 1,
                                       .evidence = 1,
                                       .need = 1,
                                       .penalty = 3 + 7 * kind};
    }
    return count;
}

static double score_without(const struct score_item *items, size_t count, const char *service, double *ret_exposure)
{
    struct score_item left[64];
    struct score score;
    size_t used = 0;
    double is;

    for (size_t i = 0; i < count; i++) {
        if (service == NULL || strcmp(items[i].service, service) != 0) {
            left[used++] = items[i];
        }
    }
    assert_int_equal(score_compute(left, used, 1, &score), 0);
    is = score.score;
    *ret_exposure = score.exposure;
    score_done(&score);
    return is;
}

/* What it says is what comes out when the findings of a term are left out. */
static void gains_are_what_closing_gains(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct score_item items[64];
        size_t count = draw_items(&seed, items, 60);
        struct score score;
        json_t *terms;
        json_t *raises;
        double last = INFINITY;
        assert_int_equal(score_compute(items, count, 1, &score), 0);
        terms = score_terms_json(&score);
        raises = raise_json(terms);
        assert_int_equal(json_array_size(raises), score.term_count);
        for (size_t i = 0; i < json_array_size(raises); i++) {
            const json_t *row = json_array_get(raises, i);
            double gain = json_number_value(json_object_get(row, "score"));
            double exposure;
            double without = score_without(items, count, json_string_value(json_object_get(row, "service")), &exposure);
            if (fabs(without - score.score - gain) > 1e-9 ||
                fabs(score.exposure - exposure - json_number_value(json_object_get(row, "exposure"))) > 1e-9) {
                fail_msg("seed 7, round %d, term %zu: %.12f gained, but it says %.12f", round, i, without - score.score,
                         gain);
            }
            assert_true(gain <= last + 1e-9);
            last = gain;
        }
        json_decref(raises);
        json_decref(terms);
        score_done(&score);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gains_are_what_closing_gains),
    };
    return cmocka_run_group_tests_name("raise", tests, NULL, NULL);
}
