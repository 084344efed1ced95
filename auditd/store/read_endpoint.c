/* The endpoints of the read-only store: the intervals in which a port had one state, now, then, or all. */
#include "auditd/store/query.h"

/* Where it was seen from, as the judge takes it (auditd/settle_port.c): the host itself, the class that was declared of
 * the vantage, else its own network. */
#define ENDPOINT_CLASS "CASE WHEN t.self THEN 'self' ELSE COALESCE(v.declared_class, 'own-vpc') END"

static const char endpoint_select[] =
    "t.id, a.uuid, r.name, v.name, " ENDPOINT_CLASS ", e.address, e.proto, t.state, t.reason, t.service, "
    "t.bound, e.port, t.first_seen, t.last_seen, t.ended_at FROM endpoint e JOIN endpoint_state t ON "
    "t.endpoint_id = e.id JOIN asset a ON a.id = e.asset_id JOIN realm r ON r.id = a.realm_id JOIN vantage v ON "
    "v.id = e.vantage_id WHERE 1";

static const char *endpoint_sort_key(int sort)
{
    switch ((enum store_endpoint_sort)sort) {
    case STORE_ENDPOINT_BY_PORT:
        return "e.port";
    case STORE_ENDPOINT_BY_LAST_SEEN:
        return "t.last_seen";
    case STORE_ENDPOINT_BY_ID:
        break;
    }
    return "t.id";
}

struct endpoint_target {
    store_endpoint_fn *fn;
    void *context;
};

static int endpoint_row(struct store_row *row, void *context)
{
    struct endpoint_target *target = context;
    struct store_endpoint endpoint;

    endpoint.sort_key = store_row_real(row);
    endpoint.id = store_row_number(row);
    endpoint.host = store_row_text(row);
    endpoint.realm = store_row_text(row);
    endpoint.vantage = store_row_text(row);
    endpoint.vantage_class = store_row_text(row);
    endpoint.address = store_row_text(row);
    endpoint.proto = store_row_text(row);
    endpoint.state = store_row_text(row);
    endpoint.reason = store_row_text(row);
    endpoint.service = store_row_text(row);
    endpoint.bound = store_row_text(row);
    endpoint.port = store_row_number(row);
    endpoint.first_seen = store_row_number(row);
    endpoint.last_seen = store_row_number(row);
    endpoint.ended_at = store_row_number(row);
    return target->fn(target->context, &endpoint);
}

static void endpoint_build(struct store_query *query, const struct store_endpoint_filter *filter)
{
    const char *key = endpoint_sort_key(filter->page.sort);

    store_query_add(query, "SELECT %s, %s", key, endpoint_select);
    store_query_among(query, "a.uuid", &filter->hosts);
    store_query_among(query, "r.name", &filter->realms);
    store_query_among(query, "v.name", &filter->vantages);
    store_query_among(query, ENDPOINT_CLASS, &filter->vantage_classes);
    store_query_among(query, "e.address", &filter->addresses);
    store_query_among(query, "e.proto", &filter->protos);
    store_query_among_numbers(query, "e.port", &filter->ports);
    store_query_among(query, "t.state", &filter->states);
    store_query_among(query, "t.service", &filter->services);
    store_query_between(query, "t.first_seen", filter->first_seen_since, filter->first_seen_before);
    store_query_between(query, "t.last_seen", filter->last_seen_since, filter->last_seen_before);
    if (filter->as_of != 0) {
        store_query_alive(query, "t.first_seen", "t.ended_at", store_query_number(query, filter->as_of));
    } else if (!filter->with_ended) {
        store_query_alive(query, "t.first_seen", "t.ended_at", 0);
    }
    store_query_page(query, &filter->page, key, "t.id");
}

int store_read_endpoints(struct store_reader *reader, const struct store_endpoint_filter *filter, store_endpoint_fn *fn,
                         void *context)
{
    struct endpoint_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "");
    endpoint_build(&query, filter);
    rc = store_query_run(&query, reader, endpoint_row, &target);
    store_query_done(&query);
    return rc;
}

static int endpoint_count(struct store_row *row, void *context)
{
    *(int64_t *)context = store_row_number(row);
    return 0;
}

int store_read_judged_otherwise(struct store_reader *reader, const char *policy_hash, int64_t *ret_ports)
{
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT COUNT(*) FROM (SELECT DISTINCT e.asset_id, e.proto, e.port FROM endpoint_state t "
                             "JOIN endpoint e ON e.id = t.endpoint_id JOIN asset a ON a.id = e.asset_id AND a.ended_at "
                             "IS NULL JOIN scan s ON s.id = t.last_scan_id JOIN policy p ON p.id = s.policy_id WHERE "
                             "t.ended_at IS NULL AND t.state = 'open'");
    store_query_add(&query, " AND p.hash <> ?%d)", store_query_text(&query, policy_hash));
    rc = store_query_run(&query, reader, endpoint_count, ret_ports);
    store_query_done(&query);
    return rc;
}
