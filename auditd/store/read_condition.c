/* What Leastport has to say about itself, of the read-only store: what is amiss now. */
#include "auditd/store/condition.h"
#include "auditd/store/query.h"

struct condition_target {
    store_condition_fn *fn;
    void *context;
};

static int condition_row(struct store_row *row, void *context)
{
    const struct condition_target *target = context;

    return target->fn(target->context, store_row_text(row));
}

int store_read_holds(struct store_reader *reader, store_condition_fn *fn, void *context)
{
    struct condition_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT c.text FROM alert_condition c WHERE c.kind = '" STORE_CONDITION_FEWER
                             "' AND c.ended_at IS NULL ORDER BY c.id");
    rc = store_query_run(&query, reader, condition_row, &target);
    store_query_done(&query);
    return rc;
}
