#include "auditd/store/alert.h"

#include "auditd/policy/judge.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALERT_HOSTS_SHOWN = 20 };

/* ---- what there is to tell ---- */

int store_alert_cursor(struct store *store, int64_t *ret_event_id)
{
    int rc = store_query_int(store, ret_event_id, "SELECT event_id FROM alert_cursor", "");

    if (rc == -ENOENT) {
        rc = store_alert_advance(store);
        rc = rc == 0 ? store_query_int(store, ret_event_id, "SELECT event_id FROM alert_cursor", "") : rc;
    }
    return rc;
}

int store_alert_advance(struct store *store)
{
    return store_run(store,
                     "INSERT INTO alert_cursor (id, event_id) SELECT 1, COALESCE(MAX(id), 0) FROM finding_event WHERE 1"
                     " ON CONFLICT (id) DO UPDATE SET event_id = excluded.event_id WHERE event_id <> excluded.event_id",
                     "");
}

static void alert_read_event(sqlite3_stmt *row, struct store_alert_event *event)
{
    const char *presence = store_text(row, 6);

    *event = (struct store_alert_event){
        .id = sqlite3_column_int64(row, 0),
        .finding_id = sqlite3_column_int64(row, 1),
        .asset_id = sqlite3_column_int64(row, 2),
        .what = store_text(row, 3),
        .was = store_text(row, 4),
        .became = store_text(row, 5),
        .is_open = strcmp(presence, "OPEN") == 0 || strcmp(presence, "REAPPEARED") == 0,
        .is_waived = strcmp(store_text(row, 7), "WAIVED") == 0,
        .is_retired = strcmp(store_text(row, 8), "RETIRED") == 0,
        .severity_rank = sqlite3_column_int(row, 9),
        .kind = store_text(row, 10),
        .service = store_text(row, 11),
        .proto = store_text(row, 12),
        .port = (uint16_t)sqlite3_column_int(row, 13),
        .owner = store_text(row, 14),
        .title = store_text(row, 15),
        .fix = store_text(row, 16),
        .address = store_text(row, 17),
        .was_open = sqlite3_column_int(row, 18) != 0,
        .is_meant = sqlite3_column_int(row, 19) != 0,
        .was_plain = sqlite3_column_int(row, 20) != 0,
    };
}

int store_alert_events(struct store *store, int64_t event_id,
                       int (*each)(void *context, const struct store_alert_event *event), void *context)
{
    struct store_alert_event event;
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row,
        "SELECT e.id, f.id, f.asset_id, e.what, e.was, e.became, f.presence, f.disposition, f.sight, f.severity_rank,"
        " f.kind, f.service, f.proto, f.port, CASE WHEN f.owner <> '' THEN f.owner ELSE (SELECT value FROM asset_tag t"
        " WHERE t.asset_id = f.asset_id AND t.key = 'owner' AND t.valid_to IS NULL ORDER BY t.source LIMIT 1) END,"
        " f.title, f.fix, (SELECT i.value FROM asset_identity i WHERE i.asset_id = f.asset_id"
        " AND i.kind = 'address' AND i.valid_to IS NULL ORDER BY i.id LIMIT 1),"
        " EXISTS (SELECT 1 FROM finding_event p WHERE p.finding_id = e.finding_id AND p.id < e.id"
        " AND p.what = 'presence' AND p.became IN ('OPEN', 'REAPPEARED')),"
        " f.need_kind IN ('unverified', 'unproven'),"
        " e.what = 'need' AND EXISTS (SELECT 1 FROM finding_event p WHERE p.finding_id = e.finding_id AND p.id < e.id"
        " AND p.what = 'need' AND p.was NOT IN ('unverified', 'unproven'))"
        " FROM finding_event e JOIN finding f ON f.id = e.finding_id"
        " WHERE e.id > ? AND e.what IN ('presence', 'disposition', 'need')"
        " AND (f.adopted_at IS NULL OR e.at > f.adopted_at) ORDER BY e.id",
        "i", event_id);

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(store, row)) == 1) {
        alert_read_event(row, &event);
        rc = each(context, &event);
        if (rc < 0) {
            store_walked(row);
            return rc;
        }
    }
    return rc;
}

/* The first column of the first row as text. -ENOENT. */
static int alert_one_text(struct store *store, sqlite3_stmt *row, char *text, size_t size)
{
    int rc = store_step(store, row);

    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(text, size, "%s", store_text(row, 0));
    store_walked(row);
    return 0;
}

int store_alert_tag(struct store *store, int64_t asset_id, const char *key, char ret_value[STORE_ALERT_NAME_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT value FROM asset_tag WHERE asset_id = ? AND key = ? AND valid_to IS NULL"
                         " ORDER BY source LIMIT 1",
                         "it", asset_id, key);

    rc = rc < 0 ? rc : alert_one_text(store, row, ret_value, STORE_ALERT_NAME_SIZE);
    if (rc == -ENOENT) {
        ret_value[0] = '\0';
        return 0;
    }
    return rc;
}

/* ---- writing ---- */

static int alert_create(struct store *store, const struct store_alert_line *line, int64_t *ret_id)
{
    char uuid[STORE_UUID_SIZE];
    int rc;

    store_uuid(uuid);
    rc = store_run(store,
                   "INSERT INTO alert (uuid, rule, receiver, key, severity_rank, title, created_at, state, next_at)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
                   "ttttitii", uuid, line->rule, line->receiver, line->is_alone ? line->key : "",
                   (int64_t)line->severity_rank, line->title, line->at_ms, line->next_at_ms);
    if (rc == 0) {
        *ret_id = store_last_id(store);
    }
    return rc;
}

static int alert_put_line(struct store *store, int64_t alert_id, const struct store_alert_line *line)
{
    return store_run(
        store,
        "INSERT INTO alert_line (alert_id, key, change, severity_rank, kind, service, proto, port, owner, group_name,"
        " title, fix, findings, hosts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1,"
        " CASE WHEN ?13 = '' THEN '[]' ELSE json_array(?13) END)"
        " ON CONFLICT (alert_id, key) DO UPDATE SET findings = findings + 1,"
        " severity_rank = max(severity_rank, ?4),"
        " hosts = CASE WHEN ?13 = '' OR json_array_length(hosts) >= ?14 THEN hosts"
        " ELSE json_insert(hosts, '$[#]', ?13) END",
        "ittitttittttti", alert_id, line->key, line->change, (int64_t)line->severity_rank, line->kind, line->service,
        line->proto, (int64_t)line->port, line->owner, line->group, line->title, line->fix, line->address,
        (int64_t)ALERT_HOSTS_SHOWN);
}

static int alert_put_item(struct store *store, int64_t alert_id, const struct store_alert_line *line)
{
    return store_run(
        store,
        "INSERT INTO alert_item (line_id, finding_id, receiver, change, at)"
        " SELECT id, ?3, ?4, ?5, ?6 FROM alert_line WHERE alert_id = ?1 AND key = ?2 ON CONFLICT DO NOTHING",
        "ititti", alert_id, line->key, line->finding_id, line->receiver, line->change, line->at_ms);
}

static int alert_has(struct store *store, int64_t alert_id, const struct store_alert_line *line, bool *ret_has)
{
    int64_t has = 0;
    int rc = line->finding_id == 0
                 ? 0
                 : store_query_int(store, &has,
                                   "SELECT EXISTS (SELECT 1 FROM alert_item i JOIN alert_line l ON l.id = i.line_id"
                                   " WHERE i.finding_id = ? AND i.receiver = ? AND l.alert_id = ? AND l.key = ?)",
                                   "itit", line->finding_id, line->receiver, alert_id, line->key);

    if (rc == 0) {
        *ret_has = has != 0;
    }
    return rc;
}

static int alert_add(struct store *store, int64_t alert_id, const struct store_alert_line *line)
{
    bool has = false;
    int rc = alert_has(store, alert_id, line, &has);

    rc = rc == 0 && !has ? alert_put_line(store, alert_id, line) : rc;
    return rc == 0 && line->finding_id != 0 ? alert_put_item(store, alert_id, line) : rc;
}

int store_alert_put(struct store *store, const struct store_alert_line *line, char *ret_uuid)
{
    int64_t id = 0;
    sqlite3_stmt *row;
    int rc = store_query_int(store, &id,
                             "SELECT id FROM alert WHERE receiver = ? AND rule = ? AND key = ? AND state = 'waiting'"
                             " AND attempts = 0",
                             "ttt", line->receiver, line->rule, line->is_alone ? line->key : "");

    if (rc == -ENOENT) {
        rc = alert_create(store, line, &id);
    } else if (rc == 0) {
        rc = store_run(store, "UPDATE alert SET severity_rank = max(severity_rank, ?2) WHERE id = ?1", "ii", id,
                       (int64_t)line->severity_rank);
    }
    rc = rc == 0 ? alert_add(store, id, line) : rc;
    if (rc == 0 && ret_uuid != NULL) {
        rc = store_query(store, &row, "SELECT uuid FROM alert WHERE id = ?", "i", id);
        rc = rc < 0 ? rc : alert_one_text(store, row, ret_uuid, STORE_UUID_SIZE);
    }
    return rc;
}

int store_alert_was_told(struct store *store, const struct store_alert_line *line, int64_t since_ms, bool *ret_was)
{
    int64_t was = 0;
    int rc = store_query_int(store, &was,
                             "SELECT change = ? AND at >= ? FROM alert_item WHERE finding_id = ? AND receiver = ?"
                             " AND at <= ? ORDER BY at DESC, line_id DESC LIMIT 1",
                             "tiiti", line->change, since_ms, line->finding_id, line->receiver, line->at_ms);

    if (rc == 0 || rc == -ENOENT) {
        *ret_was = rc == 0 && was != 0;
    }
    return rc == -ENOENT ? 0 : rc;
}

int store_alert_waiting(struct store *store, const char *rule, const char *receiver, int64_t *ret_count)
{
    return store_query_int(
        store, ret_count,
        "SELECT count(*) FROM alert WHERE receiver = ? AND rule = ? AND state = 'waiting' AND attempts = 0", "tt",
        receiver, rule);
}

/* ---- delivering ---- */

int store_alert_due(struct store *store, const char *receiver, const struct store_alert_when *when,
                    struct store_alert *ret_alert)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, attempts, COALESCE(tried_since, 0), uuid, receiver FROM alert"
                         " WHERE receiver = ?1 AND state = 'waiting' AND (next_at <= ?2"
                         " OR COALESCE(tried_at, created_at) > ?3) ORDER BY next_at, id LIMIT 1",
                         "tii", receiver, when->due_ms, when->now_ms);

    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    ret_alert->id = sqlite3_column_int64(row, 0);
    ret_alert->attempts = sqlite3_column_int64(row, 1);
    ret_alert->tried_since = sqlite3_column_int64(row, 2);
    snprintf(ret_alert->uuid, sizeof(ret_alert->uuid), "%s", store_text(row, 3));
    snprintf(ret_alert->receiver, sizeof(ret_alert->receiver), "%s", store_text(row, 4));
    store_walked(row);
    return 0;
}

int store_alert_begin(struct store *store, struct store_alert *alert, int64_t now_ms, int64_t next_at_ms)
{
    int rc = store_run(store,
                       "UPDATE alert SET attempts = attempts + 1, next_at = ?2, tried_at = ?3,"
                       " tried_since = COALESCE(tried_since, ?3) WHERE id = ?1",
                       "iii", alert->id, next_at_ms, now_ms);

    if (rc == 0) {
        alert->attempts++;
        alert->tried_since = alert->tried_since == 0 ? now_ms : alert->tried_since;
    }
    return rc;
}

int store_alert_delivered(struct store *store, int64_t id, int64_t now_ms)
{
    return store_run(store, "UPDATE alert SET state = 'delivered', delivered_at = ?2, error = '' WHERE id = ?1", "ii",
                     id, now_ms);
}

int store_alert_failed(struct store *store, int64_t id, const char *error, int64_t next_at_ms, bool is_dead)
{
    /* Somebody may have dropped it meanwhile. */
    return store_run(store, "UPDATE alert SET state = ?2, error = ?3, next_at = ?4 WHERE id = ?1 AND state = 'waiting'",
                     "itti", id, is_dead ? "dead" : "waiting", error, next_at_ms);
}

int store_alert_orphans(struct store *store, const json_t *names, int64_t *ret_count)
{
    char *text = json_dumps(names, JSON_COMPACT);
    int rc = text == NULL
                 ? -ENOMEM
                 : store_run(store,
                             "UPDATE alert SET state = 'dead', error = 'the configuration has no receiver of this name'"
                             " WHERE state = 'waiting' AND receiver NOT IN (SELECT value FROM json_each(?))",
                             "t", text);

    free(text);
    if (rc == 0) {
        *ret_count = store_changes(store);
    }
    return rc;
}

/* Which alerts a person may still decide about. */
#define ALERT_WISHED                                                                                                   \
    " WHERE CASE WHEN ?1 IS NULL THEN state = 'dead'"                                                                  \
    " ELSE state IN ('waiting', 'dead') AND ?1 <> '' AND substr(uuid, 1, length(?1)) = ?1 END"

int store_alert_retry(struct store *store, const struct store_alert_wish *wish, int64_t *ret_count)
{
    int rc = store_run(store,
                       "UPDATE alert SET state = 'waiting', next_at = ?2, tried_since = NULL, actor = ?3" ALERT_WISHED,
                       "tit", wish->uuid, wish->now_ms, wish->actor);

    if (rc == 0) {
        *ret_count = store_changes(store);
    }
    return rc;
}

int store_alert_drop(struct store *store, const struct store_alert_wish *wish, int64_t *ret_count)
{
    int rc =
        store_run(store, "UPDATE alert SET state = 'dropped', actor = ?2" ALERT_WISHED, "tt", wish->uuid, wish->actor);

    if (rc == 0) {
        *ret_count = store_changes(store);
    }
    return rc;
}

/* ---- showing ---- */

static json_t *alert_time(sqlite3_stmt *row, int column)
{
    char text[WALL_TEXT_SIZE];

    return sqlite3_column_type(row, column) == SQLITE_NULL
               ? json_null()
               : json_string(wall_format(sqlite3_column_int64(row, column), text));
}

static json_t *alert_line_json(sqlite3_stmt *row)
{
    json_t *hosts = json_loads(store_text(row, 10), 0, NULL);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:o}", "change", store_text(row, 0),
                     "severity", severity_name((enum severity)sqlite3_column_int(row, 1)), "kind", store_text(row, 2),
                     "service", store_text(row, 3), "proto", store_text(row, 4), "port", sqlite3_column_int(row, 5),
                     "owner", store_text(row, 6), "group", store_text(row, 7), "title", store_text(row, 8), "fix",
                     store_text(row, 9), "findings", (json_int_t)sqlite3_column_int64(row, 11), "hosts",
                     hosts == NULL ? json_array() : hosts);
}

static int alert_lines_json(struct store *store, int64_t alert_id, json_t *lines)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT change, severity_rank, kind, service, proto, port, owner, group_name, title, fix,"
                         " hosts, findings FROM alert_line WHERE alert_id = ? ORDER BY severity_rank DESC, id",
                         "i", alert_id);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = json_array_append_new(lines, alert_line_json(row));
        if (rc != 0) {
            store_walked(row);
            return -ENOMEM;
        }
    }
    return rc;
}

#define ALERT_COLUMNS                                                                                                  \
    "SELECT a.id, a.uuid, a.rule, a.receiver, a.severity_rank, a.title, a.created_at, a.state, a.attempts, a.next_at," \
    " a.tried_at, a.delivered_at, a.error, a.actor, (SELECT count(*) FROM alert_line l WHERE l.alert_id = a.id),"      \
    " (SELECT COALESCE(sum(l.findings), 0) FROM alert_line l WHERE l.alert_id = a.id) FROM alert a "

static json_t *alert_json(sqlite3_stmt *row, bool with_state)
{
    json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I}", "version", STORE_ALERT_VERSION, "id",
                             store_text(row, 1), "rule", store_text(row, 2), "receiver", store_text(row, 3), "severity",
                             severity_name((enum severity)sqlite3_column_int(row, 4)), "title", store_text(row, 5),
                             "created_at", alert_time(row, 6), "line_count", (json_int_t)sqlite3_column_int64(row, 14),
                             "findings", (json_int_t)sqlite3_column_int64(row, 15));
    json_t *state = with_state
                        ? json_pack("{s:s, s:I, s:o, s:o, s:o, s:s, s:s}", "state", store_text(row, 7), "attempts",
                                    (json_int_t)sqlite3_column_int64(row, 8), "next_at", alert_time(row, 9), "tried_at",
                                    alert_time(row, 10), "delivered_at", alert_time(row, 11), "error",
                                    store_text(row, 12), "actor", store_text(row, 13))
                        : json_object();

    if (json == NULL || state == NULL || json_object_update(json, state) != 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(state);
    return json;
}

int store_alert_json(struct store *store, const char *uuid, bool with_state, json_t **ret_json)
{
    json_t *lines = json_array();
    json_t *json = NULL;
    sqlite3_stmt *row;
    int64_t id = 0;
    int rc = store_query(store, &row,
                         ALERT_COLUMNS "WHERE substr(a.uuid, 1, length(?1)) = ?1 AND ?1 <> '' ORDER BY a.id LIMIT 1",
                         "t", uuid);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc == 1) {
        id = sqlite3_column_int64(row, 0);
        json = alert_json(row, with_state);
        store_walked(row);
        rc = lines == NULL || json == NULL ? -ENOMEM : alert_lines_json(store, id, lines);
    } else if (rc == 0) {
        rc = -ENOENT;
    }
    if (rc == 0 && json_object_set(json, "lines", lines) != 0) {
        rc = -ENOMEM;
    }
    json_decref(lines);
    if (rc < 0) {
        json_decref(json);
        return rc;
    }
    *ret_json = json;
    return 0;
}

int store_alert_list(struct store *store, const char *state, int64_t limit, json_t **ret_list)
{
    json_t *list = json_array();
    sqlite3_stmt *row;
    int rc = store_query(store, &row, ALERT_COLUMNS "WHERE ?1 IS NULL OR a.state = ?1 ORDER BY a.id DESC LIMIT ?2",
                         "ti", state, limit);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = json_array_append_new(list, alert_json(row, true));
        if (rc != 0) {
            store_walked(row);
            rc = -ENOMEM;
        }
    }
    if (rc < 0) {
        json_decref(list);
        return rc;
    }
    *ret_list = list;
    return 0;
}
