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

int store_waiver_broken(struct store *store, int64_t now_ms, struct store_broken *ret_broken)
{
    sqlite3_stmt *row;
    /* Breadths are sums and products of a few constants: what differs by less is the same. */
    int rc = store_query(store, &row,
                         "SELECT f.id, w.until <= ?1, f.breadth > w.accepted_breadth + 1e-9, w.until,"
                         " w.accepted_breadth, w.accepted_service FROM waiver w JOIN finding f ON f.id = w.finding_id"
                         " WHERE w.ended_at IS NULL AND (w.until <= ?1 OR f.breadth > w.accepted_breadth + 1e-9"
                         " OR f.service <> w.accepted_service) LIMIT 1",
                         "i", now_ms);

    return rc < 0 ? rc : waiver_read_broken(store, row, ret_broken);
}

int store_acknowledgement_broken(struct store *store, struct store_broken *ret_broken)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, 0, breadth > acknowledged_breadth + 1e-9, 0, acknowledged_breadth,"
                         " acknowledged_service FROM finding WHERE disposition = 'ACKNOWLEDGED'"
                         " AND (breadth > acknowledged_breadth + 1e-9 OR service <> acknowledged_service) LIMIT 1",
                         "");

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

int store_grant_candidate(struct store *store, int64_t grant_id, const char *rule_id, int64_t after_id,
                          struct stored_finding *ret_finding)
{
    int64_t id = 0;
    int rc = store_query_int(store, &id,
                             "SELECT f.id FROM finding f WHERE f.id > ?3 AND f.rule_id = ?2 AND f.disposition <>"
                             " 'WAIVED' AND f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') AND f.sight <>"
                             " 'RETIRED' AND NOT EXISTS (SELECT 1 FROM waiver w WHERE w.grant_id = ?1 AND"
                             " w.finding_id = f.id) ORDER BY f.id LIMIT 1",
                             "iti", grant_id, rule_id, after_id);

    return grant_finding(store, rc, id, ret_finding);
}

int store_grant_covered(struct store *store, int64_t grant_id, struct stored_finding *ret_finding)
{
    int64_t id = 0;
    int rc = store_query_int(
        store, &id, "SELECT finding_id FROM waiver WHERE grant_id = ? AND ended_at IS NULL ORDER BY id LIMIT 1", "i",
        grant_id);

    return grant_finding(store, rc, id, ret_finding);
}
