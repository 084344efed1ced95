/* The scores of the read-only store: of the fleet, the realms and the hosts, now and over time. */
#include "auditd/store/query.h"

#define SCORE_LABEL                                                                                                    \
    "CASE c.scope WHEN 'host' THEN (SELECT COALESCE(" STORE_ASSET_IDENTITY("a.id", "name") ", " STORE_ASSET_IDENTITY(  \
        "a.id", "address") ") FROM asset a WHERE a.uuid = c.subject) ELSE c.subject END"

static const char score_select[] =
    "c.id, c.scope, c.subject, c.grade, " SCORE_LABEL ", c.score, c.exposure, c.waived, c.coverage, c.caps, c.terms, "
    "p.name, p.hash, c.first_at, c.last_at, c.ended_at FROM score c JOIN policy p ON p.id = c.policy_id WHERE 1";

static const char *score_sort_key(int sort)
{
    switch ((enum store_score_sort)sort) {
    case STORE_SCORE_BY_TIME:
        return "c.first_at";
    case STORE_SCORE_BY_SCORE:
        return "c.score";
    case STORE_SCORE_BY_EXPOSURE:
        return "c.exposure";
    case STORE_SCORE_BY_ID:
        break;
    }
    return "c.id";
}

struct score_target {
    store_score_fn *fn;
    void *context;
};

static int score_row(struct store_row *row, void *context)
{
    struct score_target *target = context;
    struct store_score score;

    score.sort_key = store_row_real(row);
    score.id = store_row_number(row);
    score.scope = store_row_text(row);
    score.subject = store_row_text(row);
    score.grade = store_row_text(row);
    score.label = store_row_text(row);
    score.score = store_row_real(row);
    score.exposure = store_row_real(row);
    score.waived = store_row_real(row);
    score.coverage = store_row_real(row);
    score.caps = store_row_text(row);
    score.terms = store_row_text(row);
    score.policy = store_row_text(row);
    score.policy_hash = store_row_text(row);
    score.first_at = store_row_number(row);
    score.last_at = store_row_number(row);
    score.ended_at = store_row_number(row);
    return target->fn(target->context, &score);
}

static void score_build(struct store_query *query, const struct store_score_filter *filter)
{
    const char *key = score_sort_key(filter->page.sort);

    store_query_add(query, "SELECT %s, %s", key, score_select);
    store_query_among(query, "c.scope", &filter->scopes);
    store_query_among(query, "c.subject", &filter->subjects);
    if (filter->as_of != 0) {
        store_query_alive(query, "c.first_at", "c.ended_at", store_query_number(query, filter->as_of));
    } else if (!filter->with_ended) {
        store_query_alive(query, "c.first_at", "c.ended_at", 0);
    }
    if (filter->since != 0) {
        store_query_add(query, " AND (c.ended_at IS NULL OR c.ended_at > ?%d)",
                        store_query_number(query, filter->since));
    }
    store_query_between(query, "c.first_at", 0, filter->before);
    store_query_page(query, &filter->page, key, "c.id");
}

int store_read_scores(struct store_reader *reader, const struct store_score_filter *filter, store_score_fn *fn,
                      void *context)
{
    struct score_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "");
    score_build(&query, filter);
    rc = store_query_run(&query, reader, score_row, &target);
    store_query_done(&query);
    return rc;
}
