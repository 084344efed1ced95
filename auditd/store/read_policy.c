/* The policies of the read-only store. */
#include "auditd/store/query.h"

struct policy_target {
    store_read_policy_fn *fn;
    void *context;
};

static int policy_row(struct store_row *row, void *context)
{
    struct policy_target *target = context;
    struct store_read_policy policy = {0};

    policy.hash = store_row_text(row);
    policy.name = store_row_text(row);
    policy.source = store_row_text(row);
    return target->fn(target->context, &policy);
}

int store_read_policy(struct store_reader *reader, const char *hash, store_read_policy_fn *fn, void *context)
{
    struct policy_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT p.hash, p.name, p.source FROM policy p WHERE p.hash = ");
    store_query_add(&query, "?%d", store_query_text(&query, hash));
    rc = store_query_run(&query, reader, policy_row, &target);
    store_query_done(&query);
    return rc;
}

/* As store_policy_current() has it. */
#define POLICY_JUDGING                                                                                                 \
    "p.id = (SELECT policy_id FROM (SELECT policy_id, judged_at AS at, 0 AS again FROM scan WHERE judged_at IS NOT"    \
    " NULL UNION ALL SELECT policy_id, at, 1 FROM judgement) ORDER BY at DESC, again DESC LIMIT 1)"

static int policy_list_row(struct store_row *row, void *context)
{
    struct policy_target *target = context;
    struct store_read_policy policy = {0};

    policy.hash = store_row_text(row);
    policy.name = store_row_text(row);
    policy.source = store_row_text(row);
    policy.id = store_row_number(row);
    policy.sort_key = (double)policy.id;
    policy.baseline = store_row_number(row);
    policy.loaded_at = store_row_number(row);
    policy.judges = store_row_number(row) != 0;
    return target->fn(target->context, &policy);
}

int store_list_policies(struct store_reader *reader, const struct store_policy_filter *filter, store_read_policy_fn *fn,
                        void *context)
{
    struct policy_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT p.hash, p.name, p.source, p.id, p.baseline, p.loaded_at, coalesce(" POLICY_JUDGING
                             ", 0) FROM policy p WHERE 1");
    store_query_among(&query, "p.hash", &filter->hashes);
    store_query_among(&query, "p.name", &filter->names);
    if (filter->judging) {
        store_query_add(&query, " AND " POLICY_JUDGING);
    }
    store_query_page(&query, &filter->page, "p.id", "p.id");
    rc = store_query_run(&query, reader, policy_list_row, &target);
    store_query_done(&query);
    return rc;
}
