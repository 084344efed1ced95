#include "auditd/store/endpoint.h"

#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_endpoint_find(struct store *store, const struct store_endpoint_key *key, int64_t *ret_id)
{
    return store_query_int(store, ret_id,
                           "SELECT id FROM endpoint WHERE asset_id = ? AND proto = ? AND port = ? AND vantage_id = ?"
                           " AND address = ?",
                           "itiit", key->asset_id, key->is_udp ? "udp" : "tcp", (int64_t)key->port, key->vantage_id,
                           key->address);
}

static int store_endpoint_insert(struct store *store, const struct store_endpoint_key *key, int64_t *ret_id)
{
    int rc = store_run(
        store, "INSERT INTO endpoint (asset_id, vantage_id, address, proto, port) VALUES (?, ?, ?, ?, ?)", "iitti",
        key->asset_id, key->vantage_id, key->address, key->is_udp ? "udp" : "tcp", (int64_t)key->port);

    if (rc == 0) {
        *ret_id = store_last_id(store);
    }
    return rc;
}

/* By far the most common case, in one statement: the interval goes on. By a clock that was set back, too, each scan's
 * look comes after the one before it. */
static int store_endpoint_extend(struct store *store, const struct store_endpoint_key *key,
                                 const struct store_endpoint_seen *seen)
{
    return store_run(store,
                     "UPDATE endpoint_state SET last_seen = max(last_seen + (last_scan_id <> ?2), ?1), last_scan_id"
                     " = ?2, tries = ?3,"
                     " answers = ?4 WHERE endpoint_id = (SELECT id FROM endpoint WHERE asset_id = ?5 AND proto = ?6"
                     " AND port = ?7 AND vantage_id = ?8 AND address = ?9) AND ended_at IS NULL AND state = ?10"
                     " AND reason = ?11 AND service = ?12 AND bound = ?13 AND self = ?14",
                     "iiiiitiittttti", seen->at_ms, seen->scan_id, seen->tries, seen->answers, key->asset_id,
                     key->is_udp ? "udp" : "tcp", (int64_t)key->port, key->vantage_id, key->address,
                     port_state_name(seen->state), seen->reason, seen->service, seen->bound, (int64_t)seen->self);
}

static int store_endpoint_end(struct store *store, int64_t endpoint_id, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE endpoint_state SET ended_at = max(last_seen + 1, ?1)"
                     " WHERE endpoint_id = ?2 AND ended_at IS NULL",
                     "ii", at_ms, endpoint_id);
}

/* Not before the one that has ended, whatever the clock says. */
static int store_endpoint_begin(struct store *store, int64_t endpoint_id, const struct store_endpoint_seen *seen)
{
    return store_run(store,
                     "INSERT INTO endpoint_state (endpoint_id, state, reason, service, bound, self, tries, answers,"
                     " first_seen, last_seen, first_scan_id, last_scan_id)"
                     " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, begin, begin, ?10, ?10 FROM (SELECT max(?9,"
                     " coalesce(max(ended_at), ?9)) AS begin FROM endpoint_state WHERE endpoint_id = ?1)",
                     "ittttiiiii", endpoint_id, port_state_name(seen->state), seen->reason, seen->service, seen->bound,
                     (int64_t)seen->self, seen->tries, seen->answers, seen->at_ms, seen->scan_id);
}

/* 1 when the endpoint has an interval from now on, 0 when it was never open and is not now. */
static int store_endpoint_change(struct store *store, const struct store_endpoint_key *key,
                                 const struct store_endpoint_seen *seen)
{
    int64_t endpoint_id;
    int rc = store_endpoint_find(store, key, &endpoint_id);

    if (rc == -ENOENT && seen->state != PORT_STATE_OPEN) {
        return 0;
    }
    if (rc == -ENOENT) {
        rc = store_endpoint_insert(store, key, &endpoint_id);
    } else if (rc == 0) {
        rc = store_endpoint_end(store, endpoint_id, seen->at_ms);
    }
    if (rc == 0) {
        rc = store_endpoint_begin(store, endpoint_id, seen);
    }
    return rc < 0 ? rc : 1;
}

int store_endpoint_seen(struct store *store, const struct store_endpoint_key *key,
                        const struct store_endpoint_seen *seen)
{
    int rc = store_endpoint_extend(store, key, seen);

    if (rc < 0 || store_changes(store) > 0) {
        return rc < 0 ? rc : 1;
    }
    return store_endpoint_change(store, key, seen);
}

/* The first after `endpoint_id` at an address that its asset no longer has, and where that is now. -ENOENT after the
 * last. */
static int store_endpoint_astray(struct store *store, int64_t asset_id, int64_t *endpoint_id,
                                 char ret_address[ADDR_TEXT_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row,
        "SELECT e.id, i.value FROM endpoint e JOIN asset_identity i ON i.id = (SELECT min(id) FROM asset_identity"
        " WHERE asset_id = ?1 AND kind = 'address' AND valid_to IS NULL"
        " AND (instr(value, ':') > 0) = (instr(e.address, ':') > 0))"
        " WHERE e.asset_id = ?1 AND e.id > ?2 AND EXISTS (SELECT 1 FROM asset_identity a WHERE a.asset_id = ?1"
        " AND a.kind = 'address' AND a.value = e.address GROUP BY a.asset_id HAVING max(a.valid_to IS NULL) = 0)"
        " ORDER BY e.id LIMIT 1",
        "ii", asset_id, *endpoint_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *endpoint_id = sqlite3_column_int64(row, 0);
    snprintf(ret_address, ADDR_TEXT_SIZE, "%s", store_text(row, 1));
    store_walked(row);
    return 0;
}

int store_endpoint_follow(struct store *store, int64_t asset_id, int64_t at_ms)
{
    char address[ADDR_TEXT_SIZE];
    int64_t endpoint_id = 0;
    int rc;

    while ((rc = store_endpoint_astray(store, asset_id, &endpoint_id, address)) == 0) {
        rc = store_run(store, "UPDATE OR IGNORE endpoint SET address = ?2 WHERE id = ?1", "it", endpoint_id, address);
        if (rc == 0 && store_changes(store) == 0) {
            rc = store_endpoint_end(store, endpoint_id, at_ms);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return rc != -ENOENT
               ? rc
               : store_run(store,
                           "UPDATE asset_state SET ended_at = max(last_seen, ?2) WHERE asset_id = ?1 AND ended_at IS"
                           " NULL AND EXISTS (SELECT 1 FROM asset_identity i WHERE i.asset_id = ?1 AND i.kind ="
                           " 'address' AND i.value = address GROUP BY i.asset_id HAVING max(i.valid_to IS NULL) = 0)",
                           "ii", asset_id, at_ms);
}

/* The ports at that address that are in `ports`: at most 65,536, so the list is bounded. */
static int store_endpoint_list(struct store *store, const struct store_endpoint_key *key, const struct portset *ports,
                               struct portset *ret_known)
{
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row, "SELECT port FROM endpoint WHERE asset_id = ? AND proto = ? AND vantage_id = ? AND address = ?",
        "itit", key->asset_id, key->is_udp ? "udp" : "tcp", key->vantage_id, key->address);

    portset_clear(ret_known);
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        uint16_t port = (uint16_t)sqlite3_column_int(row, 0);
        if (portset_has(ports, port)) {
            portset_add(ret_known, port);
        }
        rc = 0;
    }
    return rc;
}

int store_endpoint_seen_all(struct store *store, const struct store_endpoint_key *key, const struct portset *ports,
                            const struct store_endpoint_seen *seen)
{
    struct portset *known = malloc(sizeof(*known));
    struct store_endpoint_key one = *key;
    int rc;

    if (known == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = store_endpoint_list(store, key, ports, known);
    for (int32_t port = portset_next(known, 0); rc >= 0 && port >= 0; port = portset_next(known, (uint32_t)port + 1)) {
        one.port = (uint16_t)port;
        rc = store_endpoint_seen(store, &one, seen);
    }
    free(known);
    return rc < 0 ? rc : 0;
}

int store_endpoint_prove(struct store *store, int64_t endpoint_id, const struct endpoint_proof *proof, int64_t at_ms)
{
    return store_run(store, "UPDATE endpoint SET refusals = ?, silent_scans = ?, proved_at = ? WHERE id = ?", "iiii",
                     proof->refusals, proof->silent_scans, at_ms, endpoint_id);
}

int store_port_next(struct store *store, int64_t realm_id, int64_t vantage_id, const struct store_port *after,
                    struct store_port *ret_port)
{
    static const struct store_port first = {.asset_id = -1};
    const struct store_port *from = after == NULL ? &first : after;
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT e.asset_id, e.proto, e.port FROM endpoint e"
                    " JOIN asset a ON a.id = e.asset_id AND a.ended_at IS NULL AND a.realm_id = ?1"
                    " WHERE e.vantage_id = ?2 AND (e.asset_id, e.proto, e.port) > (?3, ?4, ?5)"
                    " ORDER BY e.asset_id, e.proto, e.port LIMIT 1",
                    "iiiti", realm_id, vantage_id, from->asset_id, from->is_udp ? "udp" : "tcp", (int64_t)from->port);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_port = (struct store_port){
        .asset_id = sqlite3_column_int64(row, 0),
        .is_udp = strcmp(store_text(row, 1), "udp") == 0,
        .port = (uint16_t)sqlite3_column_int(row, 2),
    };
    store_walked(row);
    return 0;
}

int store_other_answered(struct store *store, const struct store_place *place, int64_t scan_id, bool *ret_answered)
{
    int64_t answered;
    int rc = store_query_int(store, &answered,
                             "SELECT EXISTS (SELECT 1 FROM endpoint_state s JOIN endpoint e ON e.id = s.endpoint_id"
                             " WHERE s.last_scan_id = ?1 AND s.first_scan_id <> ?1 AND s.state = 'open'"
                             " AND s.ended_at IS NULL AND e.vantage_id = ?2 AND e.id <> ?3)",
                             "iii", scan_id, place->vantage_id, place->endpoint_id);

    if (rc == 0) {
        *ret_answered = answered != 0;
    }
    return rc;
}

static int store_place_read(struct store *store, sqlite3_stmt *row, struct store_place *ret_place)
{
    struct store_place *place = ret_place;

    *place = (struct store_place){
        .endpoint_id = sqlite3_column_int64(row, 0),
        .vantage_id = sqlite3_column_int64(row, 1),
        .self = sqlite3_column_int(row, 8) != 0,
        .tries = sqlite3_column_int64(row, 9),
        .answers = sqlite3_column_int64(row, 10),
        .last_seen = sqlite3_column_int64(row, 11),
        .last_scan_id = sqlite3_column_int64(row, 12),
        .proved_at = sqlite3_column_int64(row, 13),
        .proof = {.refusals = sqlite3_column_int64(row, 14), .silent_scans = sqlite3_column_int64(row, 15)},
    };
    snprintf(place->vantage, sizeof(place->vantage), "%s", store_text(row, 2));
    snprintf(place->declared_class, sizeof(place->declared_class), "%s", store_text(row, 3));
    snprintf(place->address, sizeof(place->address), "%s", store_text(row, 4));
    snprintf(place->bound, sizeof(place->bound), "%s", store_text(row, 5));
    snprintf(place->reason, sizeof(place->reason), "%s", store_text(row, 6));
    if (port_state_parse(store_text(row, 7), &place->state) < 0) {
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "endpoint %lld is in no known state",
                          (long long)place->endpoint_id);
    }
    return 0;
}

static int store_places_collect(struct store *store, sqlite3_stmt *row, struct store_place **places, size_t *count)
{
    int rc;

    while ((rc = store_step(store, row)) == 1) {
        struct store_place *grown = realloc(*places, (*count + 1) * sizeof(**places));
        rc = grown == NULL ? -ENOMEM : 0;
        if (rc == 0) {
            *places = grown;
            rc = store_place_read(store, row, &grown[*count]);
        }
        if (rc < 0) {
            store_walked(row);
            return rc;
        }
        (*count)++;
    }
    return rc;
}

int store_port_places(struct store *store, const struct store_port *port, struct store_place **ret_places,
                      size_t *ret_count)
{
    struct store_place *places = NULL;
    size_t count = 0;
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT e.id, v.id, v.name, v.declared_class, e.address, s.bound, s.reason, s.state, s.self,"
                         " s.tries, s.answers, s.last_seen, s.last_scan_id, e.proved_at, e.refusals, e.silent_scans"
                         " FROM endpoint e JOIN vantage v ON v.id = e.vantage_id"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL"
                         " WHERE e.asset_id = ? AND e.proto = ? AND e.port = ? ORDER BY e.id",
                         "iti", port->asset_id, port->is_udp ? "udp" : "tcp", (int64_t)port->port);

    if (rc == 0) {
        rc = store_places_collect(store, row, &places, &count);
    }
    if (rc < 0) {
        free(places);
        return rc;
    }
    *ret_places = places;
    *ret_count = count;
    return 0;
}
