/* The inventories of the read-only store. */
#include "auditd/store/query.h"

struct inventory_counts {
    int64_t count;
    int64_t failed;
};

static int inventory_count(struct store_row *row, void *context)
{
    struct inventory_counts *counts = context;

    counts->count = store_row_number(row);
    counts->failed = store_row_number(row);
    return 0;
}

int store_read_inventory_counts(struct store_reader *reader, int64_t *ret_count, int64_t *ret_failed)
{
    struct inventory_counts counts = {0};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT count(*), coalesce(sum(error <> ''), 0) FROM inventory");
    rc = store_query_run(&query, reader, inventory_count, &counts);
    store_query_done(&query);
    if (rc == 0) {
        *ret_count = counts.count;
        *ret_failed = counts.failed;
    }
    return rc;
}
