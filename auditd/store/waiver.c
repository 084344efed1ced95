#include "auditd/store/waiver.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_waiver_end(struct store *store, int64_t finding_id, const char *reason, int64_t at_ms)
{
    return store_run(store, "UPDATE waiver SET ended_at = ?, end_reason = ? WHERE finding_id = ? AND ended_at IS NULL",
                     "iti", at_ms, reason, finding_id);
}

int store_waiver_put(struct store *store, const struct stored_finding *finding, const struct store_waiver_terms *terms)
{
    int rc = store_waiver_end(store, finding->id, "another waiver took its place", terms->at_ms);

    if (rc < 0) {
        return rc;
    }
    return store_run(store,
                     "INSERT INTO waiver (finding_id, owner, reason, until, accepted_breadth, accepted_service,"
                     " created_at, actor, grant_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0))",
                     "ittirtiti", finding->id, terms->owner, terms->reason, terms->until_ms, finding->verdict.breadth,
                     finding->verdict.service, terms->at_ms, terms->actor, terms->grant_id);
}

static int waiver_read_broken(struct store *store, sqlite3_stmt *row, struct store_broken *ret_broken)
{
    int rc = store_step(store, row);

    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_broken = (struct store_broken){
        .finding_id = sqlite3_column_int64(row, 0),
        .breach = sqlite3_column_int(row, 1) != 0   ? STORE_BREACH_ENDED
                  : sqlite3_column_int(row, 2) != 0 ? STORE_BREACH_WIDER
                                                    : STORE_BREACH_SERVICE,
        .until_ms = sqlite3_column_int64(row, 3),
        .accepted_breadth = sqlite3_column_double(row, 4),
    };
    snprintf(ret_broken->accepted_service, sizeof(ret_broken->accepted_service), "%s", store_text(row, 5));
    store_walked(row);
    return 0;
}

int store_waiver_broken(struct store *store, int64_t now_ms, int64_t after_id, struct store_broken *ret_broken)
{
    sqlite3_stmt *row;
    /* Breadths are sums and products of a few constants: what differs by less is the same. */
    int rc = store_query(store, &row,
                         "SELECT f.id, w.until <= ?1, f.breadth > w.accepted_breadth + 1e-9, w.until,"
                         " w.accepted_breadth, w.accepted_service FROM waiver w JOIN finding f ON f.id = w.finding_id"
                         " WHERE w.ended_at IS NULL AND w.finding_id > ?2 AND (w.until <= ?1 OR f.breadth >"
                         " w.accepted_breadth + 1e-9 OR f.service <> w.accepted_service)"
                         " ORDER BY w.finding_id LIMIT 1",
                         "ii", now_ms, after_id);

    return rc < 0 ? rc : waiver_read_broken(store, row, ret_broken);
}

int store_acknowledgement_broken(struct store *store, int64_t after_id, struct store_broken *ret_broken)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, 0, breadth > acknowledged_breadth + 1e-9, 0, acknowledged_breadth,"
                         " acknowledged_service FROM finding WHERE disposition = 'ACKNOWLEDGED'"
                         " AND id > ?1 AND (breadth > acknowledged_breadth + 1e-9 OR service <> acknowledged_service)"
                         " ORDER BY id LIMIT 1",
                         "i", after_id);

    return rc < 0 ? rc : waiver_read_broken(store, row, ret_broken);
}

/* ---- by rule and hosts ---- */

void store_grant_done(struct stored_grant *grant)
{
    free(grant->hosts);
    free(grant->owner);
    free(grant->reason);
    free(grant->accepted_services);
    *grant = (struct stored_grant){0};
}

int store_grant_put(struct store *store, struct stored_grant *grant, const char *actor, int64_t at_ms)
{
    int rc;

    store_uuid(grant->uuid);
    rc = store_run(store,
                   "INSERT INTO waiver_grant (uuid, rule_id, hosts, owner, reason, until, accepted_breadth,"
                   " accepted_services, actor, created_at) VALUES (?, ?, ?, ?, ?, ?, 0, '[]', ?, ?)",
                   "tttttiti", grant->uuid, grant->rule_id, grant->hosts, grant->owner, grant->reason, grant->until_ms,
                   actor, at_ms);
    if (rc == 0) {
        grant->id = store_last_id(store);
    }
    return rc;
}

int store_grant_accept(struct store *store, int64_t grant_id, double breadth, const char *services)
{
    return store_run(store, "UPDATE waiver_grant SET accepted_breadth = ?, accepted_services = ? WHERE id = ?", "rti",
                     breadth, services, grant_id);
}

int store_grant_next(struct store *store, int64_t after_id, struct stored_grant *ret_grant)
{
    struct stored_grant grant = {0};
    sqlite3_stmt *row = NULL;
    int rc = store_query(store, &row,
                         "SELECT id, uuid, rule_id, hosts, owner, reason, until, accepted_breadth, accepted_services"
                         " FROM waiver_grant WHERE ended_at IS NULL AND id > ? ORDER BY id LIMIT 1",
                         "i", after_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    grant.id = sqlite3_column_int64(row, 0);
    snprintf(grant.uuid, sizeof(grant.uuid), "%s", store_text(row, 1));
    snprintf(grant.rule_id, sizeof(grant.rule_id), "%s", store_text(row, 2));
    grant.hosts = strdup(store_text(row, 3));
    grant.owner = strdup(store_text(row, 4));
    grant.reason = strdup(store_text(row, 5));
    grant.until_ms = sqlite3_column_int64(row, 6);
    grant.accepted_breadth = sqlite3_column_double(row, 7);
    grant.accepted_services = strdup(store_text(row, 8));
    store_walked(row);
    if (grant.hosts == NULL || grant.owner == NULL || grant.reason == NULL || grant.accepted_services == NULL) {
        store_grant_done(&grant);
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    *ret_grant = grant;
    return 0;
}

int store_grant_find(struct store *store, const char *uuid, int64_t *ret_id)
{
    return store_query_int(store, ret_id, "SELECT id FROM waiver_grant WHERE uuid = ? AND ended_at IS NULL", "t", uuid);
}

int store_grant_end(struct store *store, int64_t grant_id, const char *reason, int64_t at_ms)
{
    return store_run(store, "UPDATE waiver_grant SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL",
                     "iti", at_ms, reason, grant_id);
}

static int grant_finding(struct store *store, int rc, int64_t finding_id, struct stored_finding *ret_finding)
{
    return rc < 0 ? rc : store_finding_get(store, finding_id, ret_finding);
}

int store_grant_had(struct store *store, int64_t grant_id, int64_t finding_id, bool *ret_had)
{
    int64_t had = 0;
    int rc = store_query_int(store, &had, "SELECT EXISTS (SELECT 1 FROM waiver WHERE grant_id = ? AND finding_id = ?)",
                             "ii", grant_id, finding_id);

    *ret_had = had != 0;
    return rc;
}

int store_grant_covered(struct store *store, int64_t grant_id, int64_t after_id, struct stored_finding *ret_finding)
{
    int64_t id = 0;
    int rc = store_query_int(store, &id,
                             "SELECT finding_id FROM waiver WHERE grant_id = ? AND finding_id > ? AND ended_at IS NULL"
                             " ORDER BY finding_id LIMIT 1",
                             "ii", grant_id, after_id);

    return grant_finding(store, rc, id, ret_finding);
}

int store_grant_candidate(struct store *store, int64_t asset_id, int64_t after_id, struct stored_finding *ret_finding)
{
    int64_t id = 0;
    int rc = store_query_int(store, &id,
                             "SELECT id FROM finding INDEXED BY finding_by_asset WHERE asset_id = ? AND id > ?"
                             " AND disposition <> 'WAIVED' AND presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')"
                             " AND sight <> 'RETIRED' ORDER BY id LIMIT 1",
                             "ii", asset_id, after_id);

    return grant_finding(store, rc, id, ret_finding);
}

/* ---- the hosts that they may mean ---- */

static int grant_take_assets(struct store *store, sqlite3_stmt *row, struct store_grant_assets *assets)
{
    int rc;

    while ((rc = store_step(store, row)) == 1) {
        if (assets->count == assets->size) {
            size_t size = assets->size == 0 ? 64 : assets->size * 2;
            struct store_grant_asset *items = reallocarray(assets->items, size, sizeof(*items));
            if (items == NULL) {
                store_walked(row);
                return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
            }
            assets->items = items;
            assets->size = size;
        }
        assets->items[assets->count++] =
            (struct store_grant_asset){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1)};
    }
    return rc;
}

int store_grant_assets(struct store *store, int64_t scan_id, struct store_grant_assets *assets)
{
    sqlite3_stmt *row;
    int rc =
        scan_id == 0
            ? store_query(store, &row, "SELECT id, realm_id FROM asset WHERE ended_at IS NULL ORDER BY id", "")
            : store_query(store, &row,
                          "SELECT id, realm_id FROM asset WHERE ended_at IS NULL AND id IN (SELECT asset_id FROM"
                          " coverage WHERE scan_id = ?1 UNION SELECT f.asset_id FROM finding_event e JOIN finding f"
                          " ON f.id = e.finding_id WHERE e.scan_id = ?1) ORDER BY id",
                          "i", scan_id);

    return rc < 0 ? rc : grant_take_assets(store, row, assets);
}

int store_grant_assets_at(struct store *store, const char *address, struct store_grant_assets *assets)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT a.id, a.realm_id FROM asset_identity i JOIN asset a ON a.id = i.asset_id AND a.ended_at"
                    " IS NULL WHERE i.kind = 'address' AND i.value = ? AND i.valid_to IS NULL",
                    "t", address);

    return rc < 0 ? rc : grant_take_assets(store, row, assets);
}

int store_grant_assets_tagged(struct store *store, const char *key, const char *value,
                              struct store_grant_assets *assets)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT a.id, a.realm_id FROM asset_tag t JOIN asset a ON a.id = t.asset_id AND a.ended_at IS"
                         " NULL WHERE t.key = ? AND t.value = ? AND t.valid_to IS NULL",
                         "tt", key, value);

    return rc < 0 ? rc : grant_take_assets(store, row, assets);
}

static int grant_asset_compare(const void *left, const void *right)
{
    const struct store_grant_asset *a = left;
    const struct store_grant_asset *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

void store_grant_assets_sort(struct store_grant_assets *assets)
{
    if (assets->count > 0) {
        qsort(assets->items, assets->count, sizeof(*assets->items), grant_asset_compare);
    }
}
