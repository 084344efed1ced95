/* The scans of the read-only store. */
#include "auditd/store/query.h"

static const char scan_select[] =
    "SELECT s.id, s.started_at, s.uuid, r.name, v.name, p.name, p.hash, s.plan, s.plan_hash, s.state, s.cause, "
    "s.canary, s.started_at, s.ended_at, s.judged_at, s.slabs_done, s.slabs_total, s.probes_planned, s.probes_done, "
    "s.probes_sent, s.hosts_up, s.hosts_down, s.ports_open, s.loss, s.missed_low, s.missed_high, s.request "
    "FROM scan s JOIN realm r ON r.id = s.realm_id JOIN vantage v ON v.id = s.vantage_id "
    "LEFT JOIN policy p ON p.id = s.policy_id WHERE 1";

struct scan_target {
    store_scan_fn *fn;
    void *context;
};

static int scan_row(struct store_row *row, void *context)
{
    struct scan_target *target = context;
    struct store_scan scan;

    scan.id = store_row_number(row);
    scan.sort_key = store_row_real(row);
    scan.uuid = store_row_text(row);
    scan.realm = store_row_text(row);
    scan.vantage = store_row_text(row);
    scan.policy = store_row_text(row);
    scan.policy_hash = store_row_text(row);
    scan.plan = store_row_text(row);
    scan.plan_hash = store_row_text(row);
    scan.state = store_row_text(row);
    scan.cause = store_row_text(row);
    scan.canary = store_row_text(row);
    scan.started_at = store_row_number(row);
    scan.ended_at = store_row_number(row);
    scan.judged_at = store_row_number(row);
    scan.slabs_done = store_row_number(row);
    scan.slabs_total = store_row_number(row);
    scan.probes_planned = store_row_number(row);
    scan.probes_done = store_row_number(row);
    scan.probes_sent = store_row_number(row);
    scan.hosts_up = store_row_number(row);
    scan.hosts_down = store_row_number(row);
    scan.ports_open = store_row_number(row);
    scan.loss = store_row_real(row);
    scan.missed_low = store_row_real(row);
    scan.missed_high = store_row_real(row);
    scan.request = store_row_text(row);
    return target->fn(target->context, &scan);
}

int store_read_scans(struct store_reader *reader, const struct store_scan_filter *filter, store_scan_fn *fn,
                     void *context)
{
    struct scan_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, scan_select);
    store_query_among(&query, "s.uuid", &filter->uuids);
    store_query_among(&query, "r.name", &filter->realms);
    store_query_among(&query, "v.name", &filter->vantages);
    store_query_among(&query, "s.state", &filter->states);
    store_query_between(&query, "s.started_at", filter->started_since, filter->started_before);
    store_query_page(&query, &filter->page, "s.started_at", "s.id");
    rc = store_query_run(&query, reader, scan_row, &target);
    store_query_done(&query);
    return rc;
}
