#include "auditd/store/asset.h"

#include "auditd/store/finding.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "auditd/store/tag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_asset_find(struct store *store, int64_t realm_id, const char *kind, const char *value, int64_t *ret_asset_id)
{
    return store_query_int(store, ret_asset_id,
                           "SELECT asset_id FROM asset_identity"
                           " WHERE realm_id = ? AND kind = ? AND value = ? AND valid_to IS NULL",
                           "itt", realm_id, kind, value);
}

int store_asset_create(struct store *store, int64_t realm_id, int64_t at_ms, int64_t *ret_asset_id)
{
    char uuid[STORE_UUID_SIZE];
    int rc;

    store_uuid(uuid);
    rc = store_run(store, "INSERT INTO asset (uuid, realm_id, created_at) VALUES (?, ?, ?)", "tii", uuid, realm_id,
                   at_ms);
    if (rc == 0) {
        *ret_asset_id = store_last_id(store);
    }
    return rc;
}

int store_identity_add(struct store *store, const struct stored_identity *identity, int64_t at_ms)
{
    int64_t holder;
    int rc = store_asset_find(store, identity->realm_id, identity->kind, identity->value, &holder);

    if (rc != -ENOENT) {
        return rc < 0 ? rc : -EEXIST;
    }
    return store_run(store,
                     "INSERT INTO asset_identity (asset_id, realm_id, kind, value, source, valid_from)"
                     " SELECT ?1, ?2, ?3, ?4, ?5, max(?6, coalesce(max(valid_to), ?6)) FROM asset_identity"
                     " WHERE realm_id = ?2 AND kind = ?3 AND value = ?4",
                     "iittti", identity->asset_id, identity->realm_id, identity->kind, identity->value,
                     identity->source, at_ms);
}

int store_identity_end(struct store *store, int64_t realm_id, const char *kind, const char *value, int64_t at_ms)
{
    return store_run(store,
                     "UPDATE asset_identity SET valid_to = max(valid_from, ?)"
                     " WHERE realm_id = ? AND kind = ? AND value = ? AND valid_to IS NULL",
                     "iitt", at_ms, realm_id, kind, value);
}

int store_asset_is_instance(struct store *store, int64_t asset_id, bool *ret_is)
{
    int64_t count;
    int rc = store_query_int(store, &count,
                             "SELECT count(*) FROM asset_identity"
                             " WHERE asset_id = ? AND kind = 'instance' AND valid_to IS NULL",
                             "i", asset_id);

    if (rc == 0) {
        *ret_is = count > 0;
    }
    return rc;
}

int store_asset_any_address(struct store *store, int64_t asset_id, bool (*test)(void *context, const char *address),
                            void *context, bool *ret_any)
{
    sqlite3_stmt *row;
    bool any = false;
    int rc = store_query(
        store, &row, "SELECT value FROM asset_identity WHERE asset_id = ? AND kind = 'address' AND valid_to IS NULL",
        "i", asset_id);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        any = any || test(context, store_text(row, 0));
        rc = 0;
    }
    if (rc == 0) {
        *ret_any = any;
    }
    return rc;
}

static int store_known_add(struct store_known *known, bool is_name, const char *value)
{
    struct addr address;
    void *grown;

    if (is_name) {
        grown = realloc(known->names, (known->name_count + 1) * sizeof(*known->names));
        if (grown == NULL) {
            return -ENOMEM;
        }
        known->names = grown;
        known->names[known->name_count] = strdup(value);
        if (known->names[known->name_count] == NULL) {
            return -ENOMEM;
        }
        known->name_count++;
        return 0;
    }
    /* One whose zone is gone from this machine is no address here and now. */
    if (addr_parse(value, &address) < 0) {
        return 0;
    }
    grown = realloc(known->addresses, (known->address_count + 1) * sizeof(*known->addresses));
    if (grown == NULL) {
        return -ENOMEM;
    }
    known->addresses = grown;
    known->addresses[known->address_count++] = address;
    return 0;
}

void store_known_done(struct store_known *known)
{
    for (size_t i = 0; i < known->name_count; i++) {
        free(known->names[i]);
    }
    free(known->names);
    free(known->addresses);
    store_tags_done(known->tags, known->tag_count);
    *known = (struct store_known){0};
}

int store_asset_known(struct store *store, int64_t asset_id, struct store_known *ret_known)
{
    struct store_known known = {0};
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT a.uuid, i.kind = 'name', i.value FROM asset a LEFT JOIN asset_identity i"
                         " ON i.asset_id = a.id AND i.kind IN ('name', 'address') AND i.valid_to IS NULL"
                         " WHERE a.id = ? ORDER BY i.id",
                         "i", asset_id);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        snprintf(known.uuid, sizeof(known.uuid), "%s", store_text(row, 0));
        rc = store_known_add(&known, sqlite3_column_int(row, 1) != 0, store_text(row, 2));
        if (rc < 0) {
            store_walked(row);
        }
    }
    if (rc == 0 && known.uuid[0] == '\0') {
        rc = store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "there is no asset %lld", (long long)asset_id);
    }
    if (rc == 0) {
        rc = store_tags_load(store, asset_id, &known.tags, &known.tag_count);
    }
    if (rc < 0) {
        store_known_done(&known);
        return rc;
    }
    *ret_known = known;
    return 0;
}

/* One by one: a statement that is being walked must not see its own table change under it. */
static int store_asset_retire_findings(struct store *store, int64_t asset_id, const struct store_event *event)
{
    int64_t last = 0;

    for (;;) {
        struct stored_finding finding;
        int rc = store_finding_next(store, asset_id, last, &finding);
        if (rc < 0) {
            return rc == -ENOENT ? 0 : rc;
        }
        last = finding.id;
        /* What was granted ends with it. */
        rc = store_finding_disposition(store, &finding, DISPOSITION_NONE, event);
        if (rc >= 0) {
            rc = store_finding_sight(store, &finding, SIGHT_RETIRED, event);
        }
        if (rc < 0) {
            return rc;
        }
    }
}

int store_asset_end(struct store *store, int64_t asset_id, const char *reason, const char *actor, int64_t at_ms)
{
    static const char *const statements[] = {
        "UPDATE asset_identity SET valid_to = max(valid_from, ?) WHERE asset_id = ? AND valid_to IS NULL",
        "UPDATE asset_tag SET valid_to = max(valid_from, ?) WHERE asset_id = ? AND valid_to IS NULL",
        "UPDATE asset_state SET ended_at = max(last_seen, ?) WHERE asset_id = ? AND ended_at IS NULL",
        "UPDATE endpoint_state SET ended_at = max(last_seen, ?) WHERE ended_at IS NULL"
        " AND endpoint_id IN (SELECT id FROM endpoint WHERE asset_id = ?)",
        "UPDATE endpoint_fact SET ended_at = max(since, ?) WHERE ended_at IS NULL"
        " AND endpoint_id IN (SELECT id FROM endpoint WHERE asset_id = ?)",
        "UPDATE finding_vantage SET until = max(since, ?) WHERE until IS NULL"
        " AND finding_id IN (SELECT id FROM finding WHERE asset_id = ?)",
        "UPDATE waiver SET ended_at = max(created_at, ?), end_reason = 'the asset ended' WHERE ended_at IS NULL"
        " AND finding_id IN (SELECT id FROM finding WHERE asset_id = ?)",
    };
    const struct store_event event = {.at_ms = at_ms, .actor = actor, .reason = reason, .evidence = "{}"};
    int rc = store_run(store, "UPDATE asset SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL", "iti",
                       at_ms, reason, asset_id);

    for (size_t i = 0; rc == 0 && i < sizeof(statements) / sizeof(*statements); i++) {
        rc = store_run(store, statements[i], "ii", at_ms, asset_id);
    }
    return rc < 0 ? rc : store_asset_retire_findings(store, asset_id, &event);
}

int store_asset_retire(struct store *store, int64_t asset_id, const struct store_event *event)
{
    int rc = store_run(store, "DELETE FROM coverage WHERE asset_id = ?", "i", asset_id);

    rc = rc < 0 ? rc
                : store_run(store, "UPDATE asset SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL", "ii",
                            asset_id, event->at_ms);
    rc = rc < 0 ? rc
                : store_run(store,
                            "UPDATE waiver SET ended_at = ?2, end_reason = 'the host is gone' WHERE ended_at IS NULL"
                            " AND finding_id IN (SELECT id FROM finding WHERE asset_id = ?1)",
                            "ii", asset_id, event->at_ms);
    return rc < 0 ? rc : store_asset_retire_findings(store, asset_id, event);
}

int store_asset_returns(struct store *store, int64_t asset_id)
{
    return store_run(store, "UPDATE asset SET retired_at = NULL WHERE id = ? AND retired_at IS NOT NULL", "i",
                     asset_id);
}

static int store_asset_replace_within(struct store *store, const char *realm, const char *address,
                                      const struct store_event *why)
{
    int64_t realm_id = 0;
    int64_t asset_id = 0;
    int rc = store_query_int(store, &realm_id, "SELECT id FROM realm WHERE name = ?", "t", realm);

    if (rc == 0) {
        rc = store_asset_find(store, realm_id, "address", address, &asset_id);
    }
    return rc < 0 ? rc : store_asset_end(store, asset_id, why->reason, why->actor, why->at_ms);
}

int store_asset_replace(struct store *store, const char *realm, const char *address, const struct store_event *why)
{
    /* A batch of somebody's is no transaction of the caller's. */
    bool own_transaction = !store_in_transaction(store) || store_batching(store)->yield != NULL;
    int rc = own_transaction ? store_begin(store) : 0;

    if (rc < 0) {
        return rc;
    }
    rc = store_asset_replace_within(store, realm, address, why);
    if (!own_transaction) {
        return rc;
    }
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int store_asset_seen(struct store *store, const struct store_sight_of_asset *seen)
{
    const char *state = seen->up ? "up" : "down";
    int rc = seen->up ? store_asset_returns(store, seen->asset_id) : 0;

    rc = rc < 0 ? rc
                : store_run(store,
                            "UPDATE asset_state SET last_seen = max(last_seen, ?1), last_scan_id = ?2"
                            " WHERE asset_id = ?3 AND vantage_id = ?4 AND address = ?5 AND ended_at IS NULL"
                            " AND state = ?6 AND reason = ?7",
                            "iiiittt", seen->at_ms, seen->scan_id, seen->asset_id, seen->vantage_id, seen->address,
                            state, seen->reason);

    if (rc < 0 || store_changes(store) > 0) {
        return rc;
    }
    rc = store_run(store,
                   "UPDATE asset_state SET ended_at = max(last_seen, ?1)"
                   " WHERE asset_id = ?2 AND vantage_id = ?3 AND address = ?4 AND ended_at IS NULL",
                   "iiit", seen->at_ms, seen->asset_id, seen->vantage_id, seen->address);
    if (rc < 0) {
        return rc;
    }
    return store_run(store,
                     "INSERT INTO asset_state (asset_id, vantage_id, address, state, reason, first_seen, last_seen,"
                     " first_scan_id, last_scan_id) SELECT ?1, ?2, ?3, ?4, ?5, begin, begin, ?7, ?7 FROM (SELECT"
                     " max(?6, coalesce(max(ended_at), ?6)) AS begin FROM asset_state WHERE asset_id = ?1 AND"
                     " vantage_id = ?2 AND address = ?3)",
                     "iitttii", seen->asset_id, seen->vantage_id, seen->address, state, seen->reason, seen->at_ms,
                     seen->scan_id);
}

int store_coverage_put(struct store *store, const struct store_coverage *coverage)
{
    const char *proto = coverage->is_udp ? "udp" : "tcp";

    return store_run(store,
                     "INSERT INTO coverage (asset_id, vantage_id, proto, ports, planned_at, judged_at, scan_id, silent)"
                     " SELECT ?1, ?2, ?3, ?4, ?5, nullif(?6, 0), ?7, ?8 FROM asset WHERE id = ?1 AND retired_at IS NULL"
                     " ON CONFLICT (asset_id, vantage_id, proto, ports) DO UPDATE SET"
                     " planned_at = iif(planned_at > excluded.planned_at + 86400000, excluded.planned_at,"
                     " max(planned_at, excluded.planned_at)),"
                     " judged_at = coalesce(excluded.judged_at, judged_at), scan_id = excluded.scan_id,"
                     " silent = excluded.silent",
                     "iittiiit", coverage->asset_id, coverage->vantage_id, proto, coverage->ports, coverage->planned_at,
                     coverage->judged_at, coverage->scan_id, coverage->silent);
}

int store_asset_running(struct store *store, int64_t asset_id, int64_t scan_id, const struct store_window *window,
                        bool *ret_running)
{
    int64_t running;
    /* Unreachable and prohibited are words of a router or a firewall before the asset: they prove nothing of it. The
     * plus keeps SQLite from walking all that the scan saw: an asset's endpoints are few. */
    int rc = store_query_int(store, &running,
                             "SELECT EXISTS (SELECT 1 FROM asset_state WHERE asset_id = ?1 AND ended_at IS NULL"
                             " AND state = 'up' AND reason NOT LIKE '%unreach%' AND reason NOT LIKE '%prohibited%'"
                             " AND (last_scan_id = ?2 OR last_seen BETWEEN ?3 AND ?4))"
                             " OR EXISTS (SELECT 1 FROM endpoint e JOIN endpoint_state s ON s.endpoint_id = e.id"
                             " WHERE e.asset_id = ?1 AND s.ended_at IS NULL AND s.state IN ('open', 'closed')"
                             " AND +s.last_scan_id = ?2)",
                             "iiii", asset_id, scan_id, window->since_ms, window->until_ms);

    if (rc == 0) {
        *ret_running = running != 0;
    }
    return rc;
}

int store_asset_label(struct store *store, int64_t asset_id, struct store_asset_label *ret_label)
{
    sqlite3_stmt *row = NULL;
    int rc = store_query(store, &row,
                         "SELECT r.name, (SELECT value FROM asset_identity WHERE asset_id = a.id AND kind = 'address'"
                         " AND valid_to IS NULL ORDER BY id LIMIT 1) FROM asset a JOIN realm r ON r.id = a.realm_id"
                         " WHERE a.id = ?",
                         "i", asset_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(ret_label->realm, sizeof(ret_label->realm), "%s", store_text(row, 0));
    snprintf(ret_label->address, sizeof(ret_label->address), "%s", store_text(row, 1));
    store_walked(row);
    return 0;
}
