/* The changes of the read-only store: what happened to findings, when, why, and under which scan. */
#include "auditd/store/query.h"
#include "auditd/store/reader.h"

#include <errno.h>

static const char change_select[] =
    "SELECT x.id, x.at, x.actor, x.what, x.was, x.became, x.reason, x.evidence, s.uuid, f.uuid, a.uuid, "
    "r.name, " STORE_FINDING_ADDRESS ", " STORE_ASSET_IDENTITY(
        "a.id",
        "name") ", "
                "f.proto, f.kind, f.service, f.severity, f.title, f.port FROM finding_event x JOIN finding f ON f.id = "
                "x.finding_id JOIN "
                "asset a ON a.id = f.asset_id JOIN realm r ON r.id = a.realm_id LEFT JOIN scan s ON s.id = "
                "x.scan_id WHERE 1";

#define OPEN_NOW(state) state " IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')"

static const char change_turn[] =
    "CASE WHEN x.what != 'presence' THEN 'otherwise' WHEN x.became = 'FIXED' THEN 'closed' WHEN NOT " OPEN_NOW(
        "x.became") " THEN 'otherwise' WHEN " OPEN_NOW("x.was") " THEN 'confirmed' ELSE 'opened' END";

struct change_target {
    store_change_fn *fn;
    void *context;
};

static int change_row(struct store_row *row, void *context)
{
    struct change_target *target = context;
    struct store_change change;

    change.id = store_row_number(row);
    change.sort_key = (double)change.id;
    change.at = store_row_number(row);
    change.actor = store_row_text(row);
    change.what = store_row_text(row);
    change.was = store_row_text(row);
    change.became = store_row_text(row);
    change.reason = store_row_text(row);
    change.evidence = store_row_text(row);
    change.scan = store_row_text(row);
    change.finding = store_row_text(row);
    change.host = store_row_text(row);
    change.realm = store_row_text(row);
    change.address = store_row_text(row);
    change.name = store_row_text(row);
    change.proto = store_row_text(row);
    change.kind = store_row_text(row);
    change.service = store_row_text(row);
    change.severity = store_row_text(row);
    change.title = store_row_text(row);
    change.port = store_row_number(row);
    return target->fn(target->context, &change);
}

static int change_last_of_scan(struct store_row *row, void *context)
{
    int64_t *last = context;

    *last = store_row_number(row);
    return 0;
}

/* The last event that this scan, or one before it, wrote: what comes after it is younger than the scan's verdict. */
static int change_find_scan(struct store_reader *reader, const char *uuid, int64_t *ret_last)
{
    struct store_query query;
    int64_t last = -1;
    int rc;

    store_query_init(&query,
                     "SELECT COALESCE((SELECT MAX((SELECT MAX(x.id) FROM finding_event x WHERE x.scan_id = o.id)) "
                     "FROM scan o WHERE o.started_at <= s.started_at), 0) FROM scan s WHERE s.uuid = ");
    store_query_add(&query, "?%d", store_query_text(&query, uuid));
    rc = store_query_run(&query, reader, change_last_of_scan, &last);
    store_query_done(&query);
    if (rc == 0 && last < 0) {
        return store_reader_refuse(reader, -ENOENT, "no scan has this id");
    }
    *ret_last = last;
    return rc;
}

int store_read_changes(struct store_reader *reader, const struct store_change_filter *filter, store_change_fn *fn,
                       void *context)
{
    struct change_target target = {fn, context};
    struct store_query query;
    int64_t after = 0;
    int rc;

    if (filter->since_scan != NULL) {
        rc = change_find_scan(reader, filter->since_scan, &after);
        if (rc != 0) {
            return rc;
        }
    }
    store_query_init(&query, change_select);
    store_query_among(&query, "f.uuid", &filter->findings);
    store_query_among(&query, "a.uuid", &filter->hosts);
    store_query_among(&query, "r.name", &filter->realms);
    store_query_among(&query, "s.uuid", &filter->scans);
    store_query_among(&query, "x.what", &filter->whats);
    store_query_among(&query, "x.became", &filter->becames);
    store_query_among(&query, change_turn, &filter->turns);
    store_query_between(&query, "x.at", filter->since, filter->before);
    if (after != 0) {
        store_query_add(&query, " AND x.id > ?%d", store_query_number(&query, after));
    }
    store_query_page(&query, &filter->page, "x.id", "x.id");
    rc = store_query_run(&query, reader, change_row, &target);
    store_query_done(&query);
    return rc;
}
