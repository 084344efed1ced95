/* The policies of the read-only store. */
#include "auditd/store/query.h"

struct policy_target {
    store_read_policy_fn *fn;
    void *context;
};

static int policy_row(struct store_row *row, void *context)
{
    struct policy_target *target = context;
    struct store_read_policy policy;

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
