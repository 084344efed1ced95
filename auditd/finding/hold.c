#include "auditd/finding/hold.h"

#include "auditd/store/condition.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HOLD_PERCENT = 30, HOLD_CONFIRMED_PERCENT = 90 };

bool hold_is_loss(int64_t before, int64_t missing)
{
    return before >= HOLD_LEAST_OPEN && missing * 100 >= before * HOLD_PERCENT;
}

/* REALM/VANTAGE. */
static int hold_name(const struct settle_scan *scan, char name[STORE_CONDITION_NAME_SIZE])
{
    sqlite3_stmt *row;
    int rc = store_query(scan->store, &row, "SELECT name FROM vantage WHERE id = ?", "i", scan->scan.vantage_id);

    rc = rc < 0 ? rc : store_step(scan->store, row);
    if (rc == 1) {
        snprintf(name, STORE_CONDITION_NAME_SIZE, "%s/%s", scan->realm, store_text(row, 0));
        store_walked(row);
    }
    return rc < 0 ? rc : 0;
}

/* Of the endpoints that the scan looked at and that were open when it began: how many, and how many are not any more.
 * "When it began" is by the order of scans, since clocks are set back. */
static int hold_count(const struct settle_scan *scan, int64_t *ret_before, int64_t *ret_missing)
{
    sqlite3_stmt *row;
    int rc = store_query(scan->store, &row,
                         "SELECT count(*), COALESCE(sum(s.state IN ('closed', 'filtered')), 0) FROM endpoint e"
                         " JOIN asset a ON a.id = e.asset_id AND a.realm_id = ?1 AND a.ended_at IS NULL"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.last_scan_id = ?3"
                         " WHERE e.vantage_id = ?2 AND EXISTS (SELECT 1 FROM endpoint_state p"
                         " WHERE p.endpoint_id = e.id AND p.state = 'open' AND p.first_scan_id <> ?3"
                         " AND NOT EXISTS (SELECT 1 FROM endpoint_state n WHERE n.endpoint_id = e.id AND n.id > p.id"
                         " AND n.first_scan_id <> ?3))",
                         "iii", scan->scan.realm_id, scan->scan.vantage_id, scan->scan.id);

    rc = rc < 0 ? rc : store_step(scan->store, row);
    if (rc == 1) {
        *ret_before = sqlite3_column_int64(row, 0);
        *ret_missing = sqlite3_column_int64(row, 1);
        store_walked(row);
    }
    return rc < 0 ? rc : 0;
}

static bool hold_is_planned(const struct settle_scan *scan, sqlite3_stmt *row)
{
    struct addr address;

    return addr_parse(store_text(row, 0), &address) == 0 &&
           scan_plan_has_endpoint(scan->plan, &address, store_text(row, 1)[0] == 'u',
                                  (uint16_t)sqlite3_column_int(row, 2));
}

/* Whether the scan looked at what is missing: it may be of a part of the realm only. What is open again is not missing
 * any more. */
static int hold_is_confirmed(const struct settle_scan *scan, bool *ret_confirmed)
{
    int64_t missing = 0;
    int64_t planned = 0;
    sqlite3_stmt *row;
    int rc = store_query(scan->store, &row,
                         "SELECT e.address, e.proto, e.port FROM endpoint e"
                         " JOIN asset a ON a.id = e.asset_id AND a.realm_id = ?1 AND a.ended_at IS NULL"
                         " JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL AND s.state <> 'open'"
                         " WHERE e.vantage_id = ?2 AND EXISTS (SELECT 1 FROM finding f WHERE f.asset_id = e.asset_id"
                         " AND f.proto = e.proto AND f.port = e.port AND f.presence = 'VERIFYING')",
                         "ii", scan->scan.realm_id, scan->scan.vantage_id);

    while (rc == 0 && (rc = store_step(scan->store, row)) == 1) {
        missing++;
        planned += hold_is_planned(scan, row) ? 1 : 0;
        rc = 0;
    }
    if (rc == 0) {
        *ret_confirmed = planned * 100 >= missing * HOLD_CONFIRMED_PERCENT;
    }
    return rc;
}

static int hold_begin(const struct settle_scan *scan, const char *name, int64_t before, int64_t missing)
{
    char text[STORE_CONDITION_TEXT_SIZE];

    snprintf(text, sizeof(text),
             "%s: %lld of %lld open endpoints are gone at once. Nothing of the realm turns FIXED until a later scan "
             "confirms it, or until `leastport alert lift %s`",
             name, (long long)missing, (long long)before, name);
    return store_condition_raise(scan->store, STORE_CONDITION_FEWER, name, text, scan->options->now_ms);
}

static int hold_end(const struct settle_scan *scan, const char *name)
{
    const struct store_condition_ending ending = {STORE_CONDITION_FEWER, name, "", scan->options->now_ms};
    bool confirmed = false;
    bool held;
    int rc = 0;

    if (strcmp(scan->scan.state, "complete") == 0 && strcmp(scan->scan.canary, "silent") != 0) {
        rc = hold_is_confirmed(scan, &confirmed);
    }
    return rc == 0 && confirmed ? store_condition_end(scan->store, &ending, &held) : rc;
}

static int hold_judge_place(const struct settle_scan *scan)
{
    char name[STORE_CONDITION_NAME_SIZE] = "";
    int64_t before = 0;
    int64_t missing = 0;
    bool held = false;
    int rc = hold_name(scan, name);

    rc = rc == 0 ? hold_count(scan, &before, &missing) : rc;
    rc = rc == 0 ? store_condition_holds(scan->store, STORE_CONDITION_FEWER, name, &held) : rc;
    if (rc == 0 && hold_is_loss(before, missing)) {
        return hold_begin(scan, name, before, missing);
    }
    return rc == 0 && held ? hold_end(scan, name) : rc;
}

int hold_judge(const struct settle_scan *scan, bool *ret_holds)
{
    int64_t is_whole = 0;
    int rc = store_query_int(scan->store, &is_whole, "SELECT request <> '' FROM scan WHERE id = ?", "i", scan->scan.id);

    rc = rc == 0 && is_whole != 0 ? hold_judge_place(scan) : rc;
    return rc == 0 ? store_condition_realm_is_held(scan->store, scan->realm, ret_holds) : rc;
}
