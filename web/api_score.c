/* /api/v1/score: the score of the fleet, the realms and the hosts with every term, now, then, or over time. */
#include "web/api_score.h"

#include "web/api.h"
#include "web/list.h"

static const char *const score_scopes[] = {"fleet", "realm", "group", "host", NULL};
static const char *const score_sorts[] = {"id", "first_at", "score", "exposure", NULL};

static const struct param score_params[] = {
    {"scope", PARAM_CHOICES, offsetof(struct store_score_filter, scopes), score_scopes},
    {"subject", PARAM_TEXTS, offsetof(struct store_score_filter, subjects), NULL},
    {"as_of", PARAM_TIME, offsetof(struct store_score_filter, as_of), NULL},
    {"history", PARAM_FLAG, offsetof(struct store_score_filter, with_ended), NULL},
    {"since", PARAM_TIME, offsetof(struct store_score_filter, since), NULL},
    {"before", PARAM_TIME, offsetof(struct store_score_filter, before), NULL},
};

static const struct param_table score_table = {
    .resource = "score",
    .params = score_params,
    .param_count = sizeof(score_params) / sizeof(*score_params),
    .page_offset = offsetof(struct store_score_filter, page),
    .sorts = score_sorts,
    .sort = STORE_SCORE_BY_ID,
};

void api_score_write(struct json_writer *writer, const struct store_score *score)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "scope", score->scope);
    json_put_text(writer, "subject", score->subject);
    json_put_text_or_null(writer, "label", score->label);
    json_put_real(writer, "score", score->score);
    json_put_text(writer, "grade", score->grade);
    json_put_stored(writer, "caps", score->caps);
    json_put_real(writer, "exposure", score->exposure);
    json_put_real(writer, "waived", score->waived);
    json_put_real(writer, "coverage", score->coverage);
    json_put_stored(writer, "terms", score->terms);
    json_open_object(writer, "policy");
    json_put_text(writer, "name", score->policy);
    json_put_text(writer, "hash", score->policy_hash);
    json_close_object(writer);
    json_put_time(writer, "first_at", score->first_at);
    json_put_time(writer, "last_at", score->last_at);
    json_put_time(writer, "ended_at", score->ended_at);
    json_close_object(writer);
}

static int score_row(void *context, const struct store_score *score)
{
    struct list *list = context;

    if (list_takes(list, score->sort_key, score->id)) {
        api_score_write(&list->writer, score);
    }
    return 0;
}

void api_score(struct exchange *exchange)
{
    struct store_score_filter filter = {0};
    struct params params;
    struct list list;

    if (!params_parse(&score_table, exchange->uri, &filter, &params, &exchange->problem)) {
        return;
    }
    if (filter.as_of != 0 && filter.with_ended) {
        problem_set(&exchange->problem, 400, "as_of and history cannot stand together.");
        problem_point(&exchange->problem, "query", "history", "asks for all times, as_of for one");
        return;
    }
    list_open(&list, exchange, &params);
    list_close(&list, store_read_scores(exchange->reader, &filter, score_row, &list));
}
