/* The hosts of the read-only store: assets with what is known of them, now or at a past moment. */
#include "auditd/store/query.h"

/* The last answer that any vantage had. */
static const char host_last_up[] =
    "COALESCE((SELECT MAX(t.last_seen) FROM asset_state t WHERE t.asset_id = a.id AND t.state = 'up'), 0)";

static const char *host_sort_key(int sort)
{
    switch ((enum store_host_sort)sort) {
    case STORE_HOST_BY_EXPOSURE:
        return "COALESCE(s.exposure, 0)";
    case STORE_HOST_BY_SCORE:
        return "COALESCE(s.score, 101)";
    case STORE_HOST_BY_LAST_UP:
        return host_last_up;
    case STORE_HOST_BY_ID:
        break;
    }
    return "a.id";
}

/* The address or name that the host holds at that time, else the last that it held by then. */
static void host_add_identity(struct store_query *query, const char *kind, int as_of)
{
    store_query_add(query, ", (SELECT i.value FROM asset_identity i WHERE i.asset_id = a.id AND i.kind = '%s'", kind);
    if (as_of != 0) {
        store_query_add(query,
                        " AND i.valid_from <= ?%d" STORE_IDENTITY_ORDER("(i.valid_to IS NULL OR i.valid_to > ?%d)") ")",
                        as_of, as_of);
    } else {
        store_query_add(query, STORE_IDENTITY_ORDER("i.valid_to IS NULL") ")");
    }
}

static void host_add_state(struct store_query *query, int as_of)
{
    store_query_add(query, ", (SELECT t.state FROM asset_state t WHERE t.asset_id = a.id");
    store_query_alive(query, "t.first_seen", "t.ended_at", as_of);
    store_query_add(query, " ORDER BY t.state = 'up' DESC LIMIT 1)");
}

static void host_add_counts(struct store_query *query, int as_of)
{
    store_query_add(query, ", (SELECT COUNT(DISTINCT e.proto || e.port) FROM endpoint e JOIN endpoint_state t ON "
                           "t.endpoint_id = e.id WHERE e.asset_id = a.id AND t.state = 'open'");
    store_query_alive(query, "t.first_seen", "t.ended_at", as_of);
    store_query_add(query, ")");
    /* The plus keeps SQLite from walking all findings of that severity instead of the asset's. */
    for (int rank = 1; rank <= 4; rank++) {
        if (as_of != 0) {
            store_query_add(query, ", -1");
            continue;
        }
        store_query_add(query,
                        ", (SELECT COUNT(*) FROM finding f WHERE f.asset_id = a.id AND +f.severity_rank = %d AND "
                        "f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') AND f.sight <> 'RETIRED')",
                        rank);
    }
}

static void host_add_holder(struct store_query *query, const struct store_host_filter *filter, const char *kind,
                            const struct store_texts *values, int as_of)
{
    if (values->count == 0) {
        return;
    }
    store_query_add(query, " AND a.id IN (SELECT i.asset_id FROM asset_identity i WHERE i.kind = '%s'", kind);
    store_query_among(query, "i.value", values);
    if (as_of != 0 || !filter->with_ended) {
        store_query_alive(query, "i.valid_from", "i.valid_to", as_of);
    }
    store_query_add(query, ")");
}

static void host_add_filter(struct store_query *query, const struct store_host_filter *filter, int as_of)
{
    if (filter->uuids.count == 0) {
        store_query_add(query, " AND a.kind = 'host'");
    }
    store_query_among(query, "a.uuid", &filter->uuids);
    store_query_among(query, "r.name", &filter->realms);
    store_query_among(query, "s.grade", &filter->grades);
    host_add_holder(query, filter, "address", &filter->addresses, as_of);
    host_add_holder(query, filter, "name", &filter->names, as_of);
    if (as_of != 0 || !filter->with_ended) {
        store_query_alive(query, "a.created_at", "a.ended_at", as_of);
    }
    if (filter->states.count != 0) {
        store_query_add(query, " AND (SELECT CASE MAX(t.state = 'up') WHEN 1 THEN 'up' WHEN 0 THEN 'down' END "
                               "FROM asset_state t WHERE t.asset_id = a.id");
        store_query_alive(query, "t.first_seen", "t.ended_at", as_of);
        store_query_add(query, ")");
        store_query_in(query, &filter->states);
    }
    store_query_between(query, host_last_up, filter->up_since, filter->up_before);
}

static void host_add_joins(struct store_query *query, int as_of)
{
    store_query_add(query, " JOIN realm r ON r.id = a.realm_id LEFT JOIN score s ON s.scope = 'host' AND "
                           "s.subject = a.uuid");
    store_query_alive(query, "s.first_at", "s.ended_at", as_of);
}

/* Inside, which hosts the page holds; outside, what is shown of them. In one SELECT everything would be looked up for
 * every host before the order cuts the list. */
static void host_build(struct store_query *query, const struct store_host_filter *filter)
{
    int as_of = filter->as_of == 0 ? 0 : store_query_number(query, filter->as_of);
    const char *key = host_sort_key(filter->page.sort);

    store_query_add(query, "a.id, k.key, a.uuid, a.kind, r.name, a.end_reason");
    host_add_identity(query, "address", as_of);
    host_add_identity(query, "name", as_of);
    host_add_state(query, as_of);
    store_query_add(query, ", s.grade, s.score, s.exposure, s.coverage, a.ephemeral, a.created_at, a.ended_at, %s",
                    host_last_up);
    host_add_counts(query, as_of);
    store_query_add(query, " FROM (SELECT a.id AS id, %s AS key FROM asset a", key);
    host_add_joins(query, as_of);
    store_query_add(query, " WHERE 1");
    host_add_filter(query, filter, as_of);
    store_query_page(query, &filter->page, key, "a.id");
    store_query_add(query, ") k JOIN asset a ON a.id = k.id");
    host_add_joins(query, as_of);
    store_query_add(query, " ORDER BY k.key %s, k.id", filter->page.is_descending ? "DESC" : "ASC");
}

struct host_target {
    store_host_fn *fn;
    void *context;
};

static int host_row(struct store_row *row, void *context)
{
    struct host_target *target = context;
    struct store_host host;

    host.id = store_row_number(row);
    host.sort_key = store_row_real(row);
    host.uuid = store_row_text(row);
    host.kind = store_row_text(row);
    host.realm = store_row_text(row);
    host.end_reason = store_row_text(row);
    host.address = store_row_text(row);
    host.name = store_row_text(row);
    host.state = store_row_text(row);
    host.grade = store_row_text(row);
    host.score = store_row_real(row);
    host.exposure = store_row_real(row);
    host.coverage = store_row_real(row);
    host.is_ephemeral = store_row_number(row) != 0;
    host.created_at = store_row_number(row);
    host.ended_at = store_row_number(row);
    host.last_up = store_row_number(row);
    host.ports_open = store_row_number(row);
    for (size_t i = 0; i < 4; i++) {
        host.findings[i] = store_row_number(row);
    }
    return target->fn(target->context, &host);
}

int store_read_hosts(struct store_reader *reader, const struct store_host_filter *filter, store_host_fn *fn,
                     void *context)
{
    struct host_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT ");
    host_build(&query, filter);
    rc = store_query_run(&query, reader, host_row, &target);
    store_query_done(&query);
    return rc;
}

struct identity_target {
    store_identity_fn *fn;
    void *context;
};

static int identity_row(struct store_row *row, void *context)
{
    struct identity_target *target = context;
    struct store_identity identity;

    identity.kind = store_row_text(row);
    identity.value = store_row_text(row);
    identity.source = store_row_text(row);
    identity.valid_from = store_row_number(row);
    identity.valid_to = store_row_number(row);
    return target->fn(target->context, &identity);
}

int store_read_identities(struct store_reader *reader, int64_t host_id, store_identity_fn *fn, void *context)
{
    struct identity_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT kind, value, source, valid_from, valid_to FROM asset_identity WHERE asset_id = ");
    store_query_add(&query, "?%d ORDER BY valid_to IS NULL DESC, valid_from DESC, id DESC",
                    store_query_number(&query, host_id));
    rc = store_query_run(&query, reader, identity_row, &target);
    store_query_done(&query);
    return rc;
}
