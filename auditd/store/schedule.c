#include "auditd/store/schedule.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int store_schedule_enter(struct store *store, const char *name, const char *spec, int64_t now_ms)
{
    int64_t seed;

    randombytes_buf(&seed, sizeof(seed));
    return store_run(store,
                     "INSERT INTO schedule (name, spec, seed, decided_until) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT (name) DO UPDATE SET spec = ?2, decided_until = ?4 WHERE spec <> ?2",
                     "ttii", name, spec, seed, now_ms);
}

static bool store_schedule_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* One that is gone, or -ENOENT. */
static int store_schedule_gone(struct store *store, const char *const *names, size_t count, int64_t *ret_id)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row, "SELECT id, name FROM schedule WHERE spec <> ''", "");

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = 0;
        if (!store_schedule_among(store_text(row, 1), names, count)) {
            *ret_id = sqlite3_column_int64(row, 0);
            store_walked(row);
            return 0;
        }
    }
    return rc < 0 ? rc : -ENOENT;
}

/* A run that was open ends with its schedule. */
static int store_schedule_forget(struct store *store, int64_t id, int64_t now_ms)
{
    int rc = store_run(store, "UPDATE schedule SET spec = '' WHERE id = ?", "i", id);

    if (rc == 0) {
        rc = store_run(store,
                       "UPDATE schedule_run SET state = 'skipped', ended_at = ?2, message = 'its schedule is no longer "
                       "configured' WHERE schedule_id = ?1 AND state IN ('waiting', 'running')",
                       "ii", id, now_ms);
    }
    return rc;
}

static int store_schedules_enter_all(struct store *store, const char *const *names, const char *const *specs,
                                     size_t count, int64_t now_ms)
{
    int64_t gone;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = store_schedule_enter(store, names[i], specs[i], now_ms);
    }
    while (rc == 0) {
        rc = store_schedule_gone(store, names, count, &gone);
        if (rc == 0) {
            rc = store_schedule_forget(store, gone, now_ms);
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

int store_schedules_enter(struct store *store, const char *const *names, const char *const *specs, size_t count,
                          int64_t now_ms)
{
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_schedules_enter_all(store, names, specs, count, now_ms);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int store_schedule_get(struct store *store, const char *name, struct store_schedule *ret_schedule)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row, "SELECT id, seed, decided_until, paused_at FROM schedule WHERE name = ?", "t", name);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_schedule = (struct store_schedule){
        .id = sqlite3_column_int64(row, 0),
        .seed = (uint64_t)sqlite3_column_int64(row, 1),
        .decided_until = sqlite3_column_int64(row, 2),
        .is_paused = sqlite3_column_type(row, 3) != SQLITE_NULL,
    };
    store_walked(row);
    return 0;
}

int store_schedule_decided(struct store *store, int64_t schedule_id, int64_t until_ms)
{
    return store_run(store, "UPDATE schedule SET decided_until = ?2 WHERE id = ?1", "ii", schedule_id, until_ms);
}

int store_schedule_pause(struct store *store, int64_t schedule_id, const char *actor, int64_t now_ms)
{
    if (actor == NULL) {
        return store_run(
            store,
            "UPDATE schedule SET paused_at = NULL, paused_by = NULL, decided_until = max(decided_until, ?2) "
            "WHERE id = ?1",
            "ii", schedule_id, now_ms);
    }
    return store_run(store, "UPDATE schedule SET paused_at = ?2, paused_by = ?3 WHERE id = ?1", "iit", schedule_id,
                     now_ms, actor);
}

int store_run_insert(struct store *store, const struct store_run_put *run)
{
    bool is_open = strcmp(run->state, "waiting") == 0;
    int rc = store_run(store,
                       "INSERT INTO schedule_run (schedule_id, due_at, begin_at, actor, state, message, ended_at)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?7 THEN NULL ELSE ?2 END)"
                       " ON CONFLICT DO NOTHING",
                       "iiittti", run->schedule_id, run->due_at, run->begin_at, run->actor, run->state, run->message,
                       (int64_t)is_open);

    if (rc == 0 && store_changes(store) == 0) {
        return -EEXIST;
    }
    if (rc == 0) {
        rc = store_run(
            store,
            "DELETE FROM schedule_run WHERE schedule_id = ?1 AND state NOT IN ('waiting', 'running') AND id < "
            "(SELECT id FROM schedule_run WHERE schedule_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            "ii", run->schedule_id, (int64_t)STORE_RUNS_KEPT);
    }
    return rc;
}

int store_run_open(struct store *store, int64_t schedule_id, struct store_run *ret_run)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, due_at, begin_at, state = 'running', begun_at, scan_uuid FROM schedule_run"
                         " WHERE schedule_id = ? AND state IN ('waiting', 'running')",
                         "i", schedule_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_run = (struct store_run){
        .id = sqlite3_column_int64(row, 0),
        .due_at = sqlite3_column_int64(row, 1),
        .begin_at = sqlite3_column_int64(row, 2),
        .is_running = sqlite3_column_int64(row, 3) != 0,
        .begun_at = sqlite3_column_int64(row, 4),
    };
    snprintf(ret_run->scan_uuid, sizeof(ret_run->scan_uuid), "%s", store_text(row, 5));
    store_walked(row);
    return 0;
}

int store_run_begin(struct store *store, int64_t run_id, int64_t now_ms)
{
    return store_run(store, "UPDATE schedule_run SET state = 'running', begun_at = ?2 WHERE id = ?1", "ii", run_id,
                     now_ms);
}

int store_run_scan(struct store *store, int64_t run_id, const char *scan_uuid)
{
    return store_run(store, "UPDATE schedule_run SET scan_uuid = ?2 WHERE id = ?1", "it", run_id, scan_uuid);
}

int store_run_end(struct store *store, int64_t run_id, const char *state, const char *message, int64_t now_ms)
{
    return store_run(store,
                     "UPDATE schedule_run SET state = ?2, message = CASE ?3 WHEN '' THEN message ELSE ?3 END, ended_at "
                     "= ?4 WHERE id = ?1",
                     "itti", run_id, state, message, now_ms);
}
