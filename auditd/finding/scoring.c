#include "auditd/finding/scoring.h"

#include "auditd/finding/score.h"
#include "auditd/store/score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SCORING_KIND, SCORING_SERVICE, SCORING_BREADTH_CLASS, SCORING_NAMES };

/* The findings of one subject. Items borrow their text from `verdicts`' names, so both grow as lists of pointers. */
struct scoring_list {
    struct score_item *items;
    char (*names)[SCORING_NAMES][VERDICT_NAME_SIZE];
    size_t count;
    size_t size;
};

struct scoring {
    struct store *store;
    const struct scoring_options *options;
    struct scoring_list list;
};

static int scoring_grow(struct scoring_list *list)
{
    size_t size = list->size == 0 ? 64 : list->size * 2;
    struct score_item *items = reallocarray(list->items, size, sizeof(*items));
    char(*names)[SCORING_NAMES][VERDICT_NAME_SIZE];

    if (items == NULL) {
        return -ENOMEM;
    }
    list->items = items;
    names = reallocarray(list->names, size, sizeof(*names));
    if (names == NULL) {
        return -ENOMEM;
    }
    list->names = names;
    list->size = size;
    return 0;
}

static int scoring_take(void *context, const struct score_finding *finding)
{
    struct scoring_list *list = context;
    const struct verdict *verdict = &finding->verdict;

    if (list->count == list->size) {
        int rc = scoring_grow(list);
        if (rc < 0) {
            return rc;
        }
    }
    memcpy(list->names[list->count][SCORING_KIND], verdict->kind, VERDICT_NAME_SIZE);
    memcpy(list->names[list->count][SCORING_SERVICE], verdict->service, VERDICT_NAME_SIZE);
    memcpy(list->names[list->count][SCORING_BREADTH_CLASS], verdict->breadth_class, VERDICT_NAME_SIZE);
    list->items[list->count] = (struct score_item){
        .service_weight = verdict->service_weight,
        .breadth = verdict->breadth,
        .evidence = verdict->evidence,
        .need = verdict->need,
        .penalty = verdict->penalty,
        .waived = finding->disposition == DISPOSITION_WAIVED,
    };
    list->count++;
    return 0;
}

static int scoring_collect(struct scoring *scoring, const struct score_subject *subject)
{
    struct scoring_list *list = &scoring->list;
    int rc;

    list->count = 0;
    rc = store_score_findings(scoring->store, subject, scoring_take, list);
    /* Only now do the names stay where they are. */
    for (size_t i = 0; i < list->count; i++) {
        list->items[i].kind = list->names[i][SCORING_KIND];
        list->items[i].service = list->names[i][SCORING_SERVICE];
        list->items[i].breadth_class = list->names[i][SCORING_BREADTH_CLASS];
    }
    return rc;
}

static int scoring_keep(struct scoring *scoring, const struct score_subject *subject, const struct score *score)
{
    json_t *terms = score_terms_json(score);
    json_t *caps = score_caps_json(score);
    char *terms_text = terms == NULL ? NULL : json_dumps(terms, JSON_COMPACT | JSON_REAL_PRECISION(15));
    char *caps_text = caps == NULL ? NULL : json_dumps(caps, JSON_COMPACT | JSON_REAL_PRECISION(15));
    int rc = -ENOMEM;

    if (terms_text != NULL && caps_text != NULL) {
        const struct score_record record = {
            .subject = *subject,
            .score = score->score,
            .grade = score->grade,
            .caps = caps_text,
            .exposure = score->exposure,
            .waived = score->waived,
            .coverage = score->coverage,
            .terms = terms_text,
            .policy_id = scoring->options->policy_id,
            .at_ms = scoring->options->now_ms,
        };
        rc = store_score_put(scoring->store, &record);
    }
    free(terms_text);
    free(caps_text);
    json_decref(terms);
    json_decref(caps);
    return rc;
}

static int scoring_subject(void *context, const struct score_subject *subject)
{
    struct scoring *scoring = context;
    struct score score;
    double coverage;
    int rc = scoring_collect(scoring, subject);

    if (rc < 0) {
        return rc;
    }
    rc = store_score_coverage(scoring->store, subject, scoring->options->now_ms, scoring->options->max_age_ms,
                              &coverage);
    if (rc < 0) {
        return rc;
    }
    rc = score_compute(scoring->list.items, scoring->list.count, coverage, &score);
    if (rc < 0) {
        return rc;
    }
    rc = scoring_keep(scoring, subject, &score);
    score_done(&score);
    return rc;
}

int scoring_update(struct store *store, const struct scoring_options *options)
{
    struct scoring scoring = {.store = store, .options = options};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_score_subjects(store, options->since_ms, options->changed_since_ms, scoring_subject, &scoring);
    if (rc == 0) {
        rc = store_commit(store);
    } else {
        store_rollback(store);
    }
    free(scoring.list.items);
    free(scoring.list.names);
    return rc;
}

int scoring_changed(struct store *store, int64_t now_ms, int64_t max_age_ms)
{
    struct scoring_options options = {.max_age_ms = max_age_ms, .now_ms = now_ms, .changed_since_ms = now_ms};
    int rc = store_score_policy(store, &options.policy_id);

    return rc == -ENOENT ? 0 : rc < 0 ? rc : scoring_update(store, &options);
}
