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
    return target->fn(target->context, &waiver);
}

int store_read_waivers(struct store_reader *reader, store_waiver_fn *fn, void *context)
{
    struct waiver_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query,
                     "SELECT g.uuid, g.rule_id, g.hosts, g.owner, g.reason, g.actor, g.until AS ends, g.created_at,"
                     " g.accepted_breadth, (SELECT COUNT(*) FROM waiver w WHERE w.grant_id = g.id AND w.ended_at IS"
                     " NULL), '', '', '', '', 0 FROM waiver_grant g WHERE g.ended_at IS NULL"
                     " UNION ALL SELECT f.fingerprint, '', '{}', w.owner, w.reason, w.actor, w.until, w.created_at,"
                     " w.accepted_breadth, 1, r.name, " STORE_FINDING_ADDRESS ", f.proto, f.service, f.port"
                     " FROM waiver w JOIN finding f ON f.id = w.finding_id JOIN asset a ON a.id = f.asset_id"
                     " JOIN realm r ON r.id = a.realm_id WHERE w.ended_at IS NULL AND w.grant_id IS NULL"
                     " ORDER BY ends");
    rc = store_query_run(&query, reader, waiver_row, &target);
    store_query_done(&query);
    return rc;
}
