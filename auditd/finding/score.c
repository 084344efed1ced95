#include "auditd/finding/score.h"

#include "auditd/policy/baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *grade;
    double from;
} GRADES[] = {{"A", 90}, {"B", 80}, {"C", 65}, {"D", 50}, {"F", 0}};

enum { GRADE_COUNT = sizeof(GRADES) / sizeof(*GRADES), GRADE_B = 1, GRADE_C = 2, GRADE_F = 4 };

static const double COVERAGE_ENOUGH = 0.8;

/* Only what decides the kind is compared: the same service to the same class with the same factors. */
static int compare_kind(const void *left, const void *right)
{
    const struct score_item *a = *(const struct score_item *const *)left;
    const struct score_item *b = *(const struct score_item *const *)right;
    const double factors[][2] = {{a->service_weight, b->service_weight},
                                 {a->breadth, b->breadth},
                                 {a->evidence, b->evidence},
                                 {a->need, b->need}};
    int order;

    for (size_t i = 0; i < sizeof(factors) / sizeof(*factors); i++) {
        if (factors[i][0] < factors[i][1] || factors[i][0] > factors[i][1]) {
            return factors[i][0] < factors[i][1] ? 1 : -1;
        }
    }
    order = strcmp(a->service, b->service);
    return order != 0 ? order : strcmp(a->breadth_class, b->breadth_class);
}

static void begin_term(struct score_term *term, const struct score_item *item)
{
    memset(term, 0, sizeof(*term));
    snprintf(term->service, sizeof(term->service), "%s", item->service);
    snprintf(term->breadth_class, sizeof(term->breadth_class), "%s", item->breadth_class);
    term->service_weight = item->service_weight;
    term->breadth = item->breadth;
    term->evidence = item->evidence;
    term->need = item->need;
    term->penalty = item->penalty;
}

/* So that the same findings are summed up in the same order always, whatever order they come in. */
static int compare_item(const void *left, const void *right)
{
    const struct score_item *a = *(const struct score_item *const *)left;
    const struct score_item *b = *(const struct score_item *const *)right;
    int order = compare_kind(left, right);

    if (order == 0) {
        order = strcmp(a->kind, b->kind);
    }
    if (order == 0 && (a->penalty < b->penalty || a->penalty > b->penalty)) {
        order = a->penalty < b->penalty ? 1 : -1;
    }
    return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

/* Worst first; equal ones by name, so that the same findings always print the same. */
static int compare_term(const void *left, const void *right)
{
    const struct score_term *a = left;
    const struct score_term *b = right;
    int order;

    if (a->term < b->term || a->term > b->term) {
        return a->term < b->term ? 1 : -1;
    }
    order = strcmp(a->service, b->service);
    return order != 0 ? order : strcmp(a->breadth_class, b->breadth_class);
}

static int collect_terms(const struct score_item *items, size_t count, struct score *score)
{
    const struct score_item **sorted = calloc(count + 1, sizeof(const struct score_item *));
    const struct score_item *last = NULL;

    score->terms = calloc(count + 1, sizeof(*score->terms));
    if (sorted == NULL || score->terms == NULL) {
        free(sorted);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &items[i];
    }
    qsort(sorted, count, sizeof(const struct score_item *), compare_item);
    for (size_t i = 0; i < count; i++) {
        const struct score_item *item = sorted[i];
        double penalty = item->penalty * (double)item->count;
        if (item->waived) {
            score->waived += penalty;
            continue;
        }
        score->exposure += penalty;
        if (last == NULL || compare_kind(&last, &sorted[i]) != 0) {
            begin_term(&score->terms[score->term_count++], item);
        }
        score->terms[score->term_count - 1].count += item->count;
        last = item;
    }
    free(sorted);
    return 0;
}

static void sum_terms(struct score *score)
{
    double weight = 1;

    for (size_t i = 0; i < score->term_count; i++) {
        struct score_term *term = &score->terms[i];
        term->term = term->penalty * fmin(2, 1 + 0.25 * log10((double)term->count));
    }
    qsort(score->terms, score->term_count, sizeof(*score->terms), compare_term);
    score->score = 100;
    for (size_t i = 0; i < score->term_count; i++) {
        score->terms[i].weight = weight;
        score->terms[i].cost = weight * score->terms[i].term;
        score->score -= score->terms[i].cost;
        weight /= 2;
    }
    score->score = fmax(score->score, 0);
}

/* That it is open: a service that may be reached can have findings of other kinds, such as its certificate's. */
static bool is_open_to_world(const struct score_item *item)
{
    return !item->waived && strcmp(item->kind, VERDICT_KIND_EXPOSURE) == 0 && strcmp(item->breadth_class, "world") == 0;
}

static bool any_to_world(const struct score_item *items, size_t count, bool (*is_it)(const char *service))
{
    for (size_t i = 0; i < count; i++) {
        if (is_open_to_world(&items[i]) && is_it(items[i].service)) {
            return true;
        }
    }
    return false;
}

static bool is_ssh(const char *service)
{
    return strcmp(service, "ssh") == 0;
}

/* A cap is told even where the score is as low by itself: it stands until the cause is gone. */
static void cap(struct score *score, size_t *grade, size_t best, const char *why)
{
    score->caps[score->cap_count++] = why;
    *grade = *grade < best ? best : *grade;
}

static void set_grade(struct score *score, const struct score_item *items, size_t count)
{
    size_t grade = 0;

    while (grade < GRADE_COUNT - 1 && score->score < GRADES[grade].from) {
        grade++;
    }
    if (any_to_world(items, count, baseline_is_database)) {
        cap(score, &grade, GRADE_F, "a database is open to the world: F at best");
    }
    if (any_to_world(items, count, is_ssh)) {
        cap(score, &grade, GRADE_C, "SSH is open to the world: C at best");
    }
    if (score->coverage < COVERAGE_ENOUGH) {
        cap(score, &grade, GRADE_B, "less than 80 % was looked at: B at best");
    }
    memcpy(score->grade, GRADES[grade].grade, sizeof(score->grade));
}

int score_compute(const struct score_item *items, size_t count, double coverage, struct score *ret_score)
{
    struct score score = {.coverage = coverage};
    int rc = collect_terms(items, count, &score);

    if (rc != 0) {
        score_done(&score);
        return rc;
    }
    sum_terms(&score);
    set_grade(&score, items, count);
    *ret_score = score;
    return 0;
}

void score_done(struct score *score)
{
    free(score->terms);
    score->terms = NULL;
    score->term_count = 0;
}

json_t *score_terms_json(const struct score *score)
{
    json_t *array = json_array();

    for (size_t i = 0; i < score->term_count && array != NULL; i++) {
        const struct score_term *term = &score->terms[i];
        json_t *object =
            json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f, s:f}", "service", term->service,
                      "breadth_class", term->breadth_class, "service_weight", term->service_weight, "breadth",
                      term->breadth, "evidence", term->evidence, "need", term->need, "penalty", term->penalty, "count",
                      (json_int_t)term->count, "term", term->term, "weight", term->weight, "cost", term->cost);
        if (object == NULL || json_array_append_new(array, object) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

json_t *score_caps_json(const struct score *score)
{
    json_t *array = json_array();

    for (size_t i = 0; i < score->cap_count && array != NULL; i++) {
        if (json_array_append_new(array, json_string(score->caps[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}
