#include "auditd/store/scan.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_realm_put(struct store *store, const char *name, int64_t now_ms, int64_t *ret_id)
{
    int rc = store_run(store, "INSERT INTO realm (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", "ti",
                       name, now_ms);

    return rc < 0 ? rc : store_query_int(store, ret_id, "SELECT id FROM realm WHERE name = ?", "t", name);
}

int store_realm_name(struct store *store, int64_t realm_id, char **ret_name)
{
    sqlite3_stmt *row;
    char *name;
    int rc = store_query(store, &row, "SELECT name FROM realm WHERE id = ?", "i", realm_id);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    name = strdup(store_text(row, 0));
    store_walked(row);
    if (name == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    *ret_name = name;
    return 0;
}

int store_vantage_put(struct store *store, const char *name, int64_t now_ms, int64_t *ret_id)
{
    int rc = store_run(store, "INSERT INTO vantage (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                       "ti", name, now_ms);

    return rc < 0 ? rc : store_query_int(store, ret_id, "SELECT id FROM vantage WHERE name = ?", "t", name);
}

int store_vantage_declare(struct store *store, const char *name, const char *declared_class, int64_t now_ms)
{
    return store_run(store,
                     "INSERT INTO vantage (name, declared_class, created_at) VALUES (?, ?, ?)"
                     " ON CONFLICT (name) DO UPDATE SET declared_class = excluded.declared_class",
                     "tti", name, declared_class, now_ms);
}

int store_vantage_stands(struct store *store, const char *name, const char *stands, int64_t now_ms)
{
    return store_run(store,
                     "INSERT INTO vantage (name, stands, created_at) VALUES (?, ?, ?)"
                     " ON CONFLICT (name) DO UPDATE SET stands = excluded.stands",
                     "tti", name, stands, now_ms);
}

int store_policy_put(struct store *store, const struct store_policy *policy, int64_t now_ms, int64_t *ret_id)
{
    int rc = store_run(store,
                       "INSERT INTO policy (hash, name, source, baseline, loaded_at) VALUES (?, ?, ?, ?, ?)"
                       " ON CONFLICT (hash) DO NOTHING",
                       "tttii", policy->hash, policy->name, policy->source, policy->baseline, now_ms);

    return rc < 0 ? rc : store_query_int(store, ret_id, "SELECT id FROM policy WHERE hash = ?", "t", policy->hash);
}

int store_policy_current(struct store *store, int64_t *ret_policy_id, int64_t *ret_at_ms)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT policy_id, at FROM (SELECT policy_id, judged_at AS at, 0 AS again FROM scan"
                         " WHERE judged_at IS NOT NULL UNION ALL SELECT policy_id, at, 1 FROM judgement)"
                         " ORDER BY at DESC, again DESC LIMIT 1",
                         "");

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_policy_id = sqlite3_column_int64(row, 0);
    *ret_at_ms = sqlite3_column_int64(row, 1);
    store_walked(row);
    return 0;
}

int store_scan_find(struct store *store, const char *uuid, struct stored_scan *ret_scan)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, realm_id, vantage_id, uuid, state, canary, started_at, ended_at, slabs_done,"
                         " slabs_total, loss, judged_at, hosts_up FROM scan WHERE uuid = ?",
                         "t", uuid);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_scan = (struct stored_scan){
        .id = sqlite3_column_int64(row, 0),
        .realm_id = sqlite3_column_int64(row, 1),
        .vantage_id = sqlite3_column_int64(row, 2),
        .started_at = sqlite3_column_int64(row, 6),
        .ended_at = sqlite3_column_int64(row, 7),
        .slabs_done = sqlite3_column_int64(row, 8),
        .slabs_total = sqlite3_column_int64(row, 9),
        .loss = sqlite3_column_type(row, 10) == SQLITE_NULL ? -1 : sqlite3_column_double(row, 10),
        .judged_at = sqlite3_column_int64(row, 11),
        .hosts_up = sqlite3_column_int64(row, 12),
    };
    snprintf(ret_scan->uuid, sizeof(ret_scan->uuid), "%s", store_text(row, 3));
    snprintf(ret_scan->state, sizeof(ret_scan->state), "%s", store_text(row, 4));
    snprintf(ret_scan->canary, sizeof(ret_scan->canary), "%s", store_text(row, 5));
    store_walked(row);
    return 0;
}

int store_scan_plan(struct store *store, int64_t scan_id, char **ret_plan, char **ret_hash)
{
    sqlite3_stmt *row;
    char *plan;
    char *hash;
    int rc = store_query(store, &row, "SELECT plan, plan_hash FROM scan WHERE id = ?", "i", scan_id);

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    plan = strdup(store_text(row, 0));
    hash = strdup(store_text(row, 1));
    store_walked(row);
    if (plan == NULL || hash == NULL) {
        free(plan);
        free(hash);
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    *ret_plan = plan;
    *ret_hash = hash;
    return 0;
}

int store_scan_insert(struct store *store, const struct store_scan_start *start, int64_t *ret_id)
{
    /* Every interval names the last scan that saw it, and SQLite keeps 0 and 1 in no byte and up to 127 in one
     * (https://www.sqlite.org/fileformat2.html#record_format): the ids begin at 128, so that for 32,640 scans no row
     * outgrows its full page. */
    int rc = store_run(store,
                       "INSERT INTO scan (id, uuid, realm_id, vantage_id, plan, plan_hash, state, started_at,"
                       " slabs_total, probes_planned)"
                       " SELECT coalesce(max(id), 127) + 1, ?1, ?2, ?3, ?4, ?5, 'running', ?6, ?7, ?8 FROM scan",
                       "tiittiii", start->uuid, start->realm_id, start->vantage_id, start->plan, start->plan_hash,
                       start->started_at, start->slabs_total, start->probes_planned);

    if (rc == 0) {
        *ret_id = store_last_id(store);
    }
    return rc;
}

int store_scan_continue(struct store *store, int64_t scan_id)
{
    return store_run(store,
                     "UPDATE scan SET state = 'running', cause = NULL, ended_at = NULL, judged_at = NULL WHERE id = ?",
                     "i", scan_id);
}

int store_scan_checkpoint(struct store *store, int64_t scan_id, int64_t slabs_done, int64_t probes_done,
                          int64_t probes_sent)
{
    return store_run(store, "UPDATE scan SET slabs_done = ?, probes_done = ?, probes_sent = ? WHERE id = ?", "iiii",
                     slabs_done, probes_done, probes_sent, scan_id);
}

int store_scan_canary(struct store *store, int64_t scan_id, bool answered)
{
    return store_run(store, "UPDATE scan SET canary = ? WHERE id = ? AND canary <> 'silent'", "ti",
                     answered ? "answered" : "silent", scan_id);
}

int store_scan_finish(struct store *store, int64_t scan_id, const struct store_scan_end *end)
{
    int rc = store_run(store,
                       "UPDATE scan SET state = ?1, cause = ?2, ended_at = ?3,"
                       " probes_done = iif(?4 < 0, probes_done, ?4), probes_sent = iif(?5 < 0, probes_sent, ?5),"
                       " hosts_up = max(?6, (SELECT count(*) FROM asset_state WHERE last_scan_id = ?10 AND state = 'up'"
                       " AND ended_at IS NULL)), hosts_down = max(hosts_down, ?7),"
                       " ports_open = max(?8, (SELECT count(*) FROM endpoint_state WHERE last_scan_id = ?10"
                       " AND state = 'open' AND ended_at IS NULL)), loss = iif(?9 < 0, NULL, ?9) WHERE id = ?10",
                       "ttiiiiiiri", end->state, end->cause, end->ended_at, end->probes_done, end->probes_sent,
                       end->hosts_up, end->hosts_down, end->ports_open, end->loss, scan_id);

    if (rc == 0 && end->has_missed) {
        rc = store_run(store, "UPDATE scan SET missed_low = ?, missed_high = ? WHERE id = ?", "rri", end->missed_low,
                       end->missed_high, scan_id);
    }
    return rc;
}

int store_scan_judged(struct store *store, int64_t scan_id, int64_t policy_id, int64_t now_ms)
{
    return store_run(store, "UPDATE scan SET judged_at = ?, policy_id = ? WHERE id = ?", "iii", now_ms, policy_id,
                     scan_id);
}

int store_scan_unjudged(struct store *store, char ret_uuid[STORE_UUID_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT uuid FROM scan s WHERE judged_at IS NULL AND state <> 'running'"
                         " AND NOT EXISTS (SELECT 1 FROM scan later WHERE later.realm_id = s.realm_id"
                         " AND later.vantage_id = s.vantage_id AND later.judged_at IS NOT NULL"
                         " AND (later.started_at, later.id) > (s.started_at, s.id)) ORDER BY started_at, id LIMIT 1",
                         "");

    if (rc == 0) {
        rc = store_step(store, row);
    }
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(ret_uuid, STORE_UUID_SIZE, "%s", store_text(row, 0));
    store_walked(row);
    return 0;
}

int store_scan_end_orphans(struct store *store, const char *cause, int64_t now_ms, int64_t *ret_count)
{
    int rc = store_run(store, "UPDATE scan SET state = 'incomplete', cause = ?, ended_at = ? WHERE state = 'running'",
                       "ti", cause, now_ms);

    if (rc == 0) {
        *ret_count = store_changes(store);
    }
    return rc;
}

int store_scan_newest(struct store *store, const char *realm, const char *vantage, int64_t *ret_started_at)
{
    return store_query_int(
        store, ret_started_at,
        "SELECT s.started_at FROM scan s JOIN realm r ON r.id = s.realm_id JOIN vantage v"
        " ON v.id = s.vantage_id WHERE r.name = ?1 AND v.name = ?2 ORDER BY s.started_at DESC LIMIT 1",
        "tt", realm, vantage);
}
