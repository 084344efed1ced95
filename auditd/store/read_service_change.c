/* The changes of what answers, from the intervals of facts: what became of an endpoint that had been asked before. */
#include "auditd/store/query.h"

#include <string.h>

/* Asked again with another outcome. Few endpoints are, so what changed is found through them. */
#define CHANGE_FROM                                                                                                    \
    " FROM endpoint_answer n JOIN endpoint_fact f ON f.endpoint_id = n.endpoint_id AND f.name IN ('service', "         \
    "'product', 'version', 'auth', 'tls.version', 'cert.sha256') WHERE n.changed_at > n.first_seen"

static const char change_select[] =
    "SELECT k.at, k.id, k.at, k.name, k.was, k.became, s.uuid, a.uuid, r.name, e.address, " STORE_ASSET_IDENTITY(
        "a.id", "name") ", e.proto, v.name, COALESCE((SELECT x.value FROM endpoint_fact x WHERE x.endpoint_id = e.id "
                        "AND x.name = 'service' AND x.ended_at IS NULL), ''), e.port FROM (";

static const char change_places[] = ") k JOIN endpoint e ON e.id = k.endpoint_id JOIN asset a ON a.id = e.asset_id "
                                    "JOIN realm r ON r.id = a.realm_id JOIN vantage v ON v.id = e.vantage_id LEFT JOIN "
                                    "scan s ON s.id = k.scan_id WHERE 1";

const char *store_service_change_what(const struct store_service_change *change)
{
    static const struct {
        const char *fact;
        const char *what;
    } whats[] = {
        {"service", "service changed"},     {"product", "product changed"}, {"version", "version changed"},
        {"auth", "authentication changed"}, {"tls.version", "TLS changed"},
    };

    for (size_t i = 0; i < sizeof(whats) / sizeof(*whats); i++) {
        if (strcmp(change->fact, whats[i].fact) == 0) {
            return whats[i].what;
        }
    }
    if (change->was[0] == '\0') {
        return "certificate shown";
    }
    return change->became[0] == '\0' ? "certificate no longer shown" : "certificate renewed";
}

struct service_change_target {
    store_service_change_fn *fn;
    void *context;
};

static int service_change_row(struct store_row *row, void *context)
{
    struct service_change_target *target = context;
    struct store_service_change change;

    change.sort_key = store_row_real(row);
    change.id = store_row_number(row);
    change.at = store_row_number(row);
    change.fact = store_row_text(row);
    change.was = store_row_text(row);
    change.became = store_row_text(row);
    change.scan = store_row_text(row);
    change.host = store_row_text(row);
    change.realm = store_row_text(row);
    change.address = store_row_text(row);
    change.name = store_row_text(row);
    change.proto = store_row_text(row);
    change.vantage = store_row_text(row);
    change.service = store_row_text(row);
    change.port = store_row_number(row);
    return target->fn(target->context, &change);
}

/* A fact that came, in another's place or in none's. */
static void change_add_begun(struct store_query *query, const struct store_service_change_filter *filter)
{
    store_query_add(query, "SELECT f.since AS at, 2 * f.id AS id, f.endpoint_id, f.name, (SELECT p.value FROM "
                           "endpoint_fact p WHERE p.endpoint_id = f.endpoint_id AND p.name = f.name AND p.id < f.id "
                           "AND p.ended_at = f.since) AS was, f.value AS became, f.scan_id" CHANGE_FROM
                           " AND f.since > n.first_seen");
    store_query_among(query, "f.name", &filter->facts);
    store_query_between(query, "n.changed_at", filter->since, 0);
    store_query_between(query, "f.since", filter->since, filter->before);
}

/* A fact that went, and nothing came in its place. */
static void change_add_ended(struct store_query *query, const struct store_service_change_filter *filter)
{
    store_query_add(query,
                    " UNION ALL SELECT f.ended_at, 2 * f.id + 1, f.endpoint_id, f.name, f.value, '', NULL" CHANGE_FROM
                    " AND f.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoint_fact p WHERE "
                    "p.endpoint_id = f.endpoint_id AND p.name = f.name AND p.id > f.id AND p.since = f.ended_at)");
    store_query_among(query, "f.name", &filter->facts);
    store_query_between(query, "n.changed_at", filter->since, 0);
    store_query_between(query, "f.ended_at", filter->since, filter->before);
}

int store_read_service_changes(struct store_reader *reader, const struct store_service_change_filter *filter,
                               store_service_change_fn *fn, void *context)
{
    struct service_change_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, change_select);
    change_add_begun(&query, filter);
    change_add_ended(&query, filter);
    store_query_add(&query, "%s", change_places);
    store_query_among(&query, "a.uuid", &filter->hosts);
    store_query_among(&query, "r.name", &filter->realms);
    store_query_among_numbers(&query, "e.port", &filter->ports);
    store_query_page(&query, &filter->page, "k.at", "k.id");
    rc = store_query_run(&query, reader, service_change_row, &target);
    store_query_done(&query);
    return rc;
}
