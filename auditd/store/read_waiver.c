/* The waivers of the read-only store that have not ended: of single findings, and of rules. */
#include "auditd/store/query.h"

struct waiver_target {
    store_waiver_fn *fn;
    void *context;
};

static int waiver_row(struct store_row *row, void *context)
{
    struct waiver_target *target = context;
    struct store_waiver waiver;

    waiver.uuid = store_row_text(row);
    waiver.rule_id = store_row_text(row);
    waiver.hosts = store_row_text(row);
    waiver.owner = store_row_text(row);
    waiver.reason = store_row_text(row);
    waiver.actor = store_row_text(row);
    waiver.until = store_row_number(row);
    waiver.created_at = store_row_number(row);
    waiver.accepted_breadth = store_row_real(row);
    waiver.findings = store_row_number(row);
    waiver.realm = store_row_text(row);
    waiver.address = store_row_text(row);
    waiver.proto = store_row_text(row);
    waiver.service = store_row_text(row);
    waiver.port = store_row_number(row);
    waiver.id = store_row_number(row);
    waiver.sort_key = store_row_real(row);
    return target->fn(target->context, &waiver);
}

#define WAIVER_COLUMNS                                                                                                 \
    "v.uuid, v.rule_id, v.hosts, v.owner, v.reason, v.actor, v.ends, v.created_at, v.accepted_breadth, v.findings, "   \
    "v.realm, v.address, v.proto, v.service, v.port, v.id"

/* Ids of the two kinds do not meet. */
#define WAIVER_ROWS                                                                                                    \
    " FROM (SELECT g.uuid, g.rule_id, g.hosts, g.owner, g.reason, g.actor, g.until AS ends, g.created_at,"             \
    " g.accepted_breadth, (SELECT COUNT(*) FROM waiver w WHERE w.grant_id = g.id AND w.ended_at IS NULL) AS findings," \
    " '' AS realm, '' AS address, '' AS proto, '' AS service, 0 AS port, 2 * g.id AS id FROM waiver_grant g WHERE"     \
    " g.ended_at IS NULL"                                                                                              \
    " UNION ALL SELECT f.fingerprint, '', '{}', w.owner, w.reason, w.actor, w.until, w.created_at,"                    \
    " w.accepted_breadth, 1, r.name, " STORE_FINDING_ADDRESS ", f.proto, f.service, f.port, 2 * w.id + 1"              \
    " FROM waiver w JOIN finding f ON f.id = w.finding_id JOIN asset a ON a.id = f.asset_id"                           \
    " JOIN realm r ON r.id = a.realm_id WHERE w.ended_at IS NULL AND w.grant_id IS NULL) v WHERE 1"

int store_read_waivers(struct store_reader *reader, store_waiver_fn *fn, void *context)
{
    struct waiver_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT " WAIVER_COLUMNS ", v.ends" WAIVER_ROWS " ORDER BY v.ends");
    rc = store_query_run(&query, reader, waiver_row, &target);
    store_query_done(&query);
    return rc;
}

int store_list_waivers(struct store_reader *reader, const struct store_waiver_filter *filter, store_waiver_fn *fn,
                       void *context)
{
    bool by_start = filter->page.sort == STORE_WAIVER_BY_START;
    struct waiver_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT " WAIVER_COLUMNS ", ");
    store_query_add(&query, "%s" WAIVER_ROWS, by_start ? "v.created_at" : "v.ends");
    store_query_among(&query, "v.uuid", &filter->uuids);
    store_query_among(&query, "v.rule_id", &filter->rules);
    store_query_among(&query, "v.owner", &filter->owners);
    store_query_among(&query, "v.realm", &filter->realms);
    store_query_between(&query, "v.ends", filter->until_since, filter->until_before);
    store_query_page(&query, &filter->page, by_start ? "v.created_at" : "v.ends", "v.id");
    rc = store_query_run(&query, reader, waiver_row, &target);
    store_query_done(&query);
    return rc;
}
