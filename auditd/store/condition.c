#include "auditd/store/condition.h"

#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>

/* A waiver that was granted for less than this is not told of. */
static const int64_t condition_waiver_ms = INT64_C(14) * 24 * 3600 * 1000;

int store_condition_raise(struct store *store, const char *kind, const char *subject, const char *text, int64_t now_ms)
{
    return store_run(store,
                     "INSERT INTO alert_condition (kind, subject, text, since) VALUES (?, ?, ?, ?)"
                     " ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO NOTHING",
                     "ttti", kind, subject, text, now_ms);
}

int store_condition_end(struct store *store, const struct store_condition_ending *ending, bool *ret_held)
{
    int rc = store_run(store,
                       "UPDATE alert_condition SET ended_at = ?, ended_by = ? WHERE kind = ? AND subject = ?"
                       " AND ended_at IS NULL",
                       "ittt", ending->now_ms, ending->actor, ending->kind, ending->subject);

    if (rc == 0) {
        *ret_held = store_changes(store) > 0;
    }
    return rc;
}

int store_condition_holds(struct store *store, const char *kind, const char *subject, bool *ret_holds)
{
    int64_t holds = 0;
    int rc = store_query_int(
        store, &holds,
        "SELECT EXISTS (SELECT 1 FROM alert_condition WHERE kind = ? AND subject = ? AND ended_at IS NULL)", "tt", kind,
        subject);

    if (rc == 0) {
        *ret_holds = holds != 0;
    }
    return rc;
}

int store_condition_realm_is_held(struct store *store, const char *realm, bool *ret_held)
{
    int64_t held = 0;
    int rc = store_query_int(store, &held,
                             "SELECT EXISTS (SELECT 1 FROM vantage v JOIN alert_condition c"
                             " ON c.subject = ? || '/' || v.name WHERE c.kind = '" STORE_CONDITION_FEWER
                             "' AND c.ended_at IS NULL)",
                             "t", realm);

    if (rc == 0) {
        *ret_held = held != 0;
    }
    return rc;
}

/* ---- what the store says ---- */

/* `amiss`: a query of subject and text, with ?1 now and ?2 a limit of time. */
#define CONDITION_BEGIN(kind, amiss)                                                                                   \
    "INSERT INTO alert_condition (kind, subject, text, since) SELECT '" kind "', subject, text, ?1 FROM (" amiss       \
    ") WHERE 1 ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO NOTHING"
#define CONDITION_CEASE(kind, amiss)                                                                                   \
    "UPDATE alert_condition SET ended_at = ?1 WHERE kind = '" kind                                                     \
    "' AND ended_at IS NULL AND subject NOT IN (SELECT subject FROM (" amiss "))"

/* ?2: the maximum age. Since then a scan must have been complete, and, because one of a part of a realm says nothing of
 * the rest, four fifths of the hosts must have been looked at, as for the score. Hosts that are retired or have no
 * address, and realms without any others, are not waited for. What is dated a day ahead was so by a wrong clock. */
#define CONDITION_STALE_SQL                                                                                            \
    "SELECT name AS subject, 'Realm ' || name || ' has had no complete scan since ' || strftime('%Y-%m-%d %H:%M',"     \
    " (?1 - ?2) / 1000, 'unixepoch') || ' UTC: ' || looked || ' of its ' || hosts || ' hosts were looked at since"     \
    " then, and what is known of it is out of date' AS text FROM (SELECT r.id, r.name, r.created_at, count(*) AS"      \
    " hosts, sum(EXISTS (SELECT 1 FROM coverage c WHERE c.asset_id = a.id AND c.planned_at BETWEEN ?1 - ?2 AND"        \
    " ?1 + 86400000)) AS looked FROM asset a JOIN realm r ON r.id = a.realm_id WHERE a.kind = 'host' AND a.ended_at "  \
    "IS NULL AND"                                                                                                      \
    " a.retired_at IS NULL AND EXISTS (SELECT 1 FROM asset_identity i WHERE i.asset_id = a.id AND i.kind IN"           \
    " ('address', 'name') AND i.valid_to IS NULL) GROUP BY r.id) AS known WHERE created_at < ?1 - ?2 AND (looked * 5"  \
    " < hosts * 4 OR NOT EXISTS (SELECT 1 FROM scan s WHERE s.realm_id = known.id AND s.state = 'complete' AND"        \
    " s.ended_at BETWEEN ?1 - ?2 AND ?1 + 86400000))"

/* Of a group's columns SQLite gives those of the row that has the maximum. */
#define CONDITION_CANARY_SQL                                                                                           \
    "SELECT r.name || '/' || v.name AS subject, 'The canary of realm ' || r.name || ', vantage ' || v.name ||"         \
    " ', gave no answer to the scan of ' || strftime('%Y-%m-%d %H:%M', s.at / 1000, 'unixepoch') ||"                   \
    " ' UTC: silence proves nothing there, and nothing silent turns FIXED' AS text FROM (SELECT realm_id, vantage_id," \
    " canary, started_at AS at, max(id) FROM scan WHERE canary <> 'none' AND state <> 'running'"                       \
    " GROUP BY realm_id, vantage_id) s JOIN realm r ON r.id = s.realm_id JOIN vantage v ON v.id = s.vantage_id"        \
    " WHERE s.canary = 'silent' AND ?2 >= 0"

/* ?2: how long before its end. Only what would be open again by it. */
#define CONDITION_WAIVER_SQL                                                                                           \
    "SELECT owner || ' ' || day AS subject, count(*) || CASE count(*) WHEN 1 THEN ' waiver of ' ELSE ' waivers of '"   \
    " END || owner || CASE count(*) WHEN 1 THEN ' ends on ' ELSE ' end on ' END || day ||"                             \
    " ': what they accept will be open again' AS text FROM (SELECT w.owner,"                                           \
    " strftime('%Y-%m-%d', w.until / 1000, 'unixepoch') AS day FROM waiver w JOIN finding f ON f.id = w.finding_id"    \
    " WHERE w.ended_at IS NULL AND w.grant_id IS NULL AND w.until > ?1 AND w.until <= ?1 + ?2"                         \
    " AND w.until - w.created_at >= ?2 AND f.sight <> 'RETIRED'"                                                       \
    " AND f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')) GROUP BY owner, day"                               \
    " UNION ALL SELECT g.uuid, 'The waiver of ' || g.owner || ' for rule ' || g.rule_id || ' ends on ' ||"             \
    " strftime('%Y-%m-%d', g.until / 1000, 'unixepoch') || ': it covers ' || (SELECT count(*) FROM waiver w"           \
    " WHERE w.grant_id = g.id AND w.ended_at IS NULL) || ' findings' FROM waiver_grant g WHERE g.ended_at IS NULL"     \
    " AND g.until > ?1 AND g.until <= ?1 + ?2 AND g.until - g.created_at >= ?2"

int store_condition_look(struct store *store, int64_t max_age_ms, int64_t now_ms)
{
    const struct {
        const char *begin;
        const char *cease;
        int64_t limit_ms;
    } kinds[] = {
        {CONDITION_BEGIN(STORE_CONDITION_STALE, CONDITION_STALE_SQL),
         CONDITION_CEASE(STORE_CONDITION_STALE, CONDITION_STALE_SQL), max_age_ms},
        {CONDITION_BEGIN(STORE_CONDITION_CANARY, CONDITION_CANARY_SQL),
         CONDITION_CEASE(STORE_CONDITION_CANARY, CONDITION_CANARY_SQL), 0},
        {CONDITION_BEGIN(STORE_CONDITION_WAIVER, CONDITION_WAIVER_SQL),
         CONDITION_CEASE(STORE_CONDITION_WAIVER, CONDITION_WAIVER_SQL), condition_waiver_ms},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(*kinds); i++) {
        rc = store_run(store, kinds[i].cease, "ii", now_ms, kinds[i].limit_ms);
        rc = rc == 0 ? store_run(store, kinds[i].begin, "ii", now_ms, kinds[i].limit_ms) : rc;
    }
    return rc;
}

/* ---- telling and showing ---- */

int store_condition_take(struct store *store, struct stored_condition *ret_condition)
{
    sqlite3_stmt *row;
    int64_t id;
    int rc = store_query(store, &row,
                         "SELECT id, kind, subject, text FROM alert_condition WHERE told = 0 ORDER BY id LIMIT 1", "");

    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    id = sqlite3_column_int64(row, 0);
    snprintf(ret_condition->kind, sizeof(ret_condition->kind), "%s", store_text(row, 1));
    snprintf(ret_condition->subject, sizeof(ret_condition->subject), "%s", store_text(row, 2));
    snprintf(ret_condition->text, sizeof(ret_condition->text), "%s", store_text(row, 3));
    store_walked(row);
    return store_run(store, "UPDATE alert_condition SET told = 1 WHERE id = ?", "i", id);
}

int store_condition_list(struct store *store, json_t **ret_list)
{
    json_t *list = json_array();
    char since[WALL_TEXT_SIZE];
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row, "SELECT kind, subject, text, since FROM alert_condition WHERE ended_at IS NULL ORDER BY id", "");

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "kind", store_text(row, 0), "subject",
                                                   store_text(row, 1), "text", store_text(row, 2), "since",
                                                   wall_format(sqlite3_column_int64(row, 3), since)));
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
