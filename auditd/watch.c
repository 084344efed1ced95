#include "auditd/watch.h"

#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/lockout.h"

#include <errno.h>
#include <string.h>

/* A new {"host","proto","port"}; NULL when out of memory. */
static json_t *watch_endpoint(sqlite3_stmt *row)
{
    return json_pack("{s:s, s:s, s:I}", "host", store_text(row, 0), "proto", store_text(row, 1), "port",
                     (json_int_t)sqlite3_column_int64(row, 2));
}

static bool watch_is_within(const struct watch_filter *filter, const char *text)
{
    struct addr address;

    /* An address whose zone is gone from this machine cannot be probed now. */
    if (addr_parse(text, &address) < 0) {
        return false;
    }
    return filter->within == NULL || filter->within(filter->context, &address);
}

struct watch_harvest {
    json_t *array;
    size_t left_out;
};

static int watch_collect(struct store *store, const char *sql, const struct watch_place *place,
                         const struct watch_filter *filter, struct watch_harvest *harvest)
{
    sqlite3_stmt *row = NULL;
    int rc = store_query(store, &row, sql, "tt", place->realm, place->vantage);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = 0;
        if (!watch_is_within(filter, store_text(row, 0))) {
            continue;
        }
        if (json_array_size(harvest->array) >= filter->limit) {
            harvest->left_out++;
        } else if (json_array_append_new(harvest->array, watch_endpoint(row)) < 0) {
            store_walked(row);
            rc = -ENOMEM;
        }
    }
    return rc;
}

static int watch_query(struct store *store, const char *sql, const struct watch_place *place,
                       const struct watch_filter *filter, struct watch_harvest *ret_harvest)
{
    struct watch_harvest harvest = {.array = json_array()};
    int rc = harvest.array == NULL ? -ENOMEM : watch_collect(store, sql, place, filter, &harvest);

    if (rc < 0) {
        json_decref(harvest.array);
        return rc;
    }
    *ret_harvest = harvest;
    return 0;
}

/* Open, or not yet proven closed: cleared are two refusals, or two silent scans (life.h). Those seen last come first,
 * so that a limit cuts what has been silent for longest. */
int watch_list(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
               json_t **ret_watch, size_t *ret_left_out)
{
    struct watch_harvest harvest = {0};
    int rc = watch_query(store,
                         "SELECT e.address, e.proto, e.port FROM endpoint e"
                         " JOIN asset a ON a.id = e.asset_id AND a.ended_at IS NULL"
                         " JOIN realm r ON r.id = a.realm_id AND r.name = ?1"
                         " JOIN vantage v ON v.id = e.vantage_id AND v.name = ?2"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL"
                         " WHERE s.state = 'open' OR (e.refusals < 2 AND e.silent_scans < 2)"
                         " ORDER BY s.last_seen DESC, e.id",
                         place, filter, &harvest);

    if (rc == 0) {
        *ret_watch = harvest.array;
        *ret_left_out = harvest.left_out;
    }
    return rc;
}

int watch_to_verify(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
                    json_t **ret_endpoints)
{
    struct watch_harvest harvest = {0};
    int rc = watch_query(store,
                         "SELECT e.address, e.proto, e.port FROM endpoint e"
                         " JOIN asset a ON a.id = e.asset_id AND a.ended_at IS NULL"
                         " JOIN realm r ON r.id = a.realm_id AND r.name = ?1"
                         " JOIN vantage v ON v.id = e.vantage_id AND v.name = ?2"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL"
                         " WHERE (s.state = 'closed' AND e.refusals = 1)"
                         " OR (s.state = 'open' AND EXISTS (SELECT 1 FROM finding f WHERE f.asset_id = e.asset_id"
                         " AND f.proto = e.proto AND f.port = e.port AND f.presence = 'NEW')) ORDER BY e.id",
                         place, filter, &harvest);

    if (rc == 0) {
        *ret_endpoints = harvest.array;
    }
    return rc;
}

/* A plan is compact JSON, in which no text can hold what is looked for. Its scan began before its answers. */
static const char watch_known_sql[] =
    "SELECT e.address, e.proto, e.port, n.last_seen FROM endpoint_fact f JOIN endpoint e ON e.id = f.endpoint_id"
    " JOIN endpoint_answer n ON n.endpoint_id = e.id AND n.last_seen >= ?4"
    " JOIN asset a ON a.id = e.asset_id AND a.ended_at IS NULL"
    " JOIN realm r ON r.id = a.realm_id AND r.name = ?1"
    " JOIN vantage v ON v.id = e.vantage_id AND v.name = ?2"
    " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state = 'open'"
    " AND s.first_seen <= n.last_seen"
    " WHERE f.name = 'service' AND f.value = ?3 AND f.ended_at IS NULL AND e.proto = 'tcp'"
    " AND (?5 = 0 OR n.last_scan_id IN (SELECT id FROM scan WHERE started_at >= ?4 - 86400000"
    " AND instr(plan, '\"doors\":true') > 0)) ORDER BY n.last_seen DESC, e.id";

static json_t *watch_known_endpoint(sqlite3_stmt *row, const char *service)
{
    char asked[WALL_TEXT_SIZE];
    json_t *endpoint = watch_endpoint(row);

    if (endpoint != NULL &&
        (json_object_set_new(endpoint, "service", json_string(service)) < 0 ||
         json_object_set_new(endpoint, "asked", json_string(wall_format(sqlite3_column_int64(row, 3), asked))) < 0)) {
        json_decref(endpoint);
        endpoint = NULL;
    }
    return endpoint;
}

/* What a walk of known endpoints needs. */
struct watch_knowing {
    struct store *store;
    const struct watch_place *place;
    const struct watch_filter *filter;
    const struct watch_asked *asked;
    json_t *known;
};

static int watch_knows(struct watch_knowing *knowing, const char *service)
{
    sqlite3_stmt *row;
    int rc = store_query(knowing->store, &row, watch_known_sql, "tttii", knowing->place->realm, knowing->place->vantage,
                         service, knowing->asked->since_ms, (int64_t)knowing->asked->doors);

    while (rc == 0 && (rc = store_step(knowing->store, row)) == 1) {
        rc = 0;
        if (json_array_size(knowing->known) < knowing->filter->limit &&
            watch_is_within(knowing->filter, store_text(row, 0)) &&
            json_array_append_new(knowing->known, watch_known_endpoint(row, service)) < 0) {
            store_walked(row);
            rc = -ENOMEM;
        }
    }
    return rc;
}

int watch_known(struct store *store, const struct watch_place *place, const struct watch_filter *filter,
                const struct watch_asked *asked, json_t **ret_known)
{
    struct watch_knowing knowing = {store, place, filter, asked, json_array()};
    size_t count;
    const char *const *services = lockout_services(&count);
    int rc = knowing.known == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = watch_knows(&knowing, services[i]);
    }
    if (rc < 0) {
        json_decref(knowing.known);
        return rc;
    }
    *ret_known = knowing.known;
    return 0;
}

/* A chosen one, else one that has been open longest, at an address that its asset has not given up. Ports of the
 * ephemeral range come and go: they make bad canaries.
 */
int watch_canary(struct store *store, const struct watch_place *place, json_t **ret_canary)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT host, proto, port, 1 AS chosen, 0 AS since FROM canary c"
                         " JOIN realm r ON r.id = c.realm_id AND r.name = ?1"
                         " JOIN vantage v ON v.id = c.vantage_id AND v.name = ?2 WHERE c.configured = 1"
                         " UNION ALL"
                         " SELECT e.address, e.proto, e.port, 0, s.first_seen FROM endpoint e"
                         " JOIN asset a ON a.id = e.asset_id AND a.ended_at IS NULL"
                         " JOIN realm r ON r.id = a.realm_id AND r.name = ?1"
                         " JOIN vantage v ON v.id = e.vantage_id AND v.name = ?2"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state = 'open'"
                         " WHERE e.proto = 'tcp' AND e.port NOT BETWEEN 32768 AND 60999"
                         " AND NOT EXISTS (SELECT 1 FROM asset_identity i WHERE i.asset_id = e.asset_id"
                         " AND i.kind = 'address' AND i.value = e.address GROUP BY i.asset_id"
                         " HAVING max(i.valid_to IS NULL) = 0)"
                         " ORDER BY chosen DESC, since, 1, 3 LIMIT 1",
                         "tt", place->realm, place->vantage);
    json_t *canary;

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    canary = watch_endpoint(row);
    store_walked(row);
    if (canary == NULL) {
        return -ENOMEM;
    }
    *ret_canary = canary;
    return 0;
}

static int watch_canary_configure(struct store *store, const struct watch_answer *canary)
{
    char address[ADDR_TEXT_SIZE];
    int rc = store_run(store, "UPDATE canary SET configured = 0 WHERE realm_id = ? AND vantage_id = ?", "ii",
                       canary->realm_id, canary->vantage_id);

    if (rc < 0) {
        return rc;
    }
    return store_run(
        store,
        "INSERT INTO canary (realm_id, vantage_id, host, proto, port, configured) VALUES (?, ?, ?, ?, ?, 1)"
        " ON CONFLICT (realm_id, vantage_id, host, proto, port) DO UPDATE SET configured = 1",
        "iitti", canary->realm_id, canary->vantage_id, addr_format(canary->host, address),
        canary->is_udp ? "udp" : "tcp", (int64_t)canary->port);
}

int watch_canary_set(struct store *store, const struct watch_place *place, const struct addr *host, bool is_udp,
                     uint16_t port)
{
    struct watch_answer canary = {.host = host, .is_udp = is_udp, .port = port};
    int64_t now_ms = wall_now_ms();
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_realm_put(store, place->realm, now_ms, &canary.realm_id);
    if (rc == 0) {
        rc = store_vantage_put(store, place->vantage, now_ms, &canary.vantage_id);
    }
    if (rc == 0) {
        rc = watch_canary_configure(store, &canary);
    }
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int watch_canary_answered(struct store *store, const struct watch_answer *answer)
{
    char address[ADDR_TEXT_SIZE];

    return store_run(store,
                     "INSERT INTO canary (realm_id, vantage_id, host, proto, port, last_answer_at)"
                     " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (realm_id, vantage_id, host, proto, port)"
                     " DO UPDATE SET last_answer_at = max(coalesce(last_answer_at, 0), excluded.last_answer_at)",
                     "iittii", answer->realm_id, answer->vantage_id, addr_format(answer->host, address),
                     answer->is_udp ? "udp" : "tcp", (int64_t)answer->port, answer->at_ms);
}
