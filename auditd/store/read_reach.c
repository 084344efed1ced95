/* What a limited reader sees. For each table there is a temporary view of the same name, which SQLite finds first: so
 * no query can forget the limit, whoever writes it. A table without a view makes the reader unusable. */
#include "auditd/store/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REACH_ALL "1"
#define REACH_NONE "0"
#define REACH_ASSET(column) column " IN (SELECT id FROM temp.asset)"
#define REACH_ENDPOINT(column) column " IN (SELECT id FROM temp.endpoint)"
#define REACH_FINDING(column) column " IN (SELECT id FROM temp.finding)"
#define REACH_BY_TAG "EXISTS (SELECT 1 FROM temp.reach_tag)"
#define REACH_BY_REALM "EXISTS (SELECT 1 FROM temp.reach_realm)"

struct reach_table {
    const char *name;
    const char *columns;
    const char *condition;
};

/* In the order in which they stand on each other. What has no host of its own is seen by who is limited to realms
 * alone, or by nobody. */
static const struct reach_table reach_tables[] = {
    {"asset", "*",
     "(NOT " REACH_BY_REALM " OR realm_id IN (SELECT r.id FROM main.realm r WHERE r.name IN (SELECT name FROM "
     "temp.reach_realm))) AND (NOT " REACH_BY_TAG
     " OR id IN (SELECT t.asset_id FROM main.asset_tag t WHERE t.valid_to IS "
     "NULL AND t.key || '=' || t.value IN (SELECT tag FROM temp.reach_tag)))"},
    {"realm", "*",
     "name IN (SELECT name FROM temp.reach_realm) OR (NOT " REACH_BY_REALM " AND id IN (SELECT realm_id FROM "
     "temp.asset))"},
    {"asset_identity", "*", REACH_ASSET("asset_id")},
    {"asset_state", "*", REACH_ASSET("asset_id")},
    {"asset_tag", "*", REACH_ASSET("asset_id")},
    {"endpoint", "*", REACH_ASSET("asset_id")},
    {"endpoint_state", "*", REACH_ENDPOINT("endpoint_id")},
    {"endpoint_fact", "*", REACH_ENDPOINT("endpoint_id")},
    {"endpoint_answer", "*", REACH_ENDPOINT("endpoint_id")},
    {"certificate", "*",
     "id IN (SELECT certificate_id FROM temp.endpoint_answer) OR sha256 IN (SELECT value FROM temp.endpoint_fact WHERE "
     "name = 'cert.sha256')"},
    {"finding", "*", REACH_ASSET("asset_id")},
    {"finding_vantage", "*", REACH_FINDING("finding_id")},
    {"finding_event", "*", REACH_FINDING("finding_id")},
    {"waiver", "*", REACH_FINDING("finding_id")},
    {"waiver_grant", "*", REACH_NONE},
    /* A scan tells of all that it looked at. */
    {"scan", "*", "NOT " REACH_BY_TAG " AND realm_id IN (SELECT id FROM temp.realm)"},
    {"vantage", "*",
     "id IN (SELECT vantage_id FROM temp.endpoint) OR id IN (SELECT vantage_id FROM temp.asset_state) OR id IN (SELECT "
     "vantage_id FROM temp.scan)"},
    {"canary", "*", REACH_NONE},
    {"coverage", "*", REACH_ASSET("asset_id")},
    {"score", "*",
     "(scope = 'host' AND subject IN (SELECT uuid FROM temp.asset)) OR (scope = 'realm' AND NOT " REACH_BY_TAG
     " AND subject IN (SELECT name FROM temp.realm))"},
    {"policy", "id, hash, name, '' AS source, baseline, loaded_at", REACH_ALL},
    {"judgement", "*", REACH_NONE},
    {"schedule", "*", REACH_NONE},
    {"schedule_run", "*", REACH_NONE},
    {"inventory", "*", "NOT " REACH_BY_TAG " AND realm_id IN (SELECT id FROM temp.realm)"},
    {"inventory_host", "*", REACH_ASSET("asset_id")},
    /* A cloud's rules tell of all that is in it. */
    {"cloud_source", "*", REACH_NONE},
    {"cloud_list", "*", REACH_NONE},
    {"cloud_record", "*", REACH_NONE},
    {"cloud_verdict", "*", REACH_ASSET("asset_id")},
    {"due", "*", REACH_ALL},
    /* Alerts go to people whom the configuration names, whatever they are of. */
    {"alert", "*", REACH_NONE},
    {"alert_cursor", "*", REACH_NONE},
    {"alert_line", "*", REACH_NONE},
    {"alert_item", "*", REACH_NONE},
    {"alert_condition", "*", REACH_NONE},
    {"handed_over", "*", REACH_NONE},
    {"token", "*", REACH_NONE},
    {"token_limit", "*", REACH_NONE},
    {"session", "*", REACH_NONE},
    {"audit_log", "*", REACH_NONE},
    {"scan_event", "*", "scan_id IN (SELECT id FROM temp.scan)"},
    {"stream_key", "*", REACH_NONE},
};

enum { REACH_SQL_SIZE = 1024 };

static int reach_execute(struct store_reader *reader, const char *sql)
{
    int code = sqlite3_exec(store_reader_database(reader), sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : store_reader_fail(reader, code);
}

static int reach_fill(struct store_reader *reader, const char *sql, const struct store_texts *texts)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store_reader_database(reader), sql, -1, &statement, NULL);

    for (size_t i = 0; i < texts->count && code == SQLITE_OK; i++) {
        code = sqlite3_bind_text(statement, 1, texts->values[i], -1, SQLITE_STATIC);
        code = code == SQLITE_OK ? sqlite3_step(statement) : code;
        code = code == SQLITE_DONE ? sqlite3_reset(statement) : code;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_OK ? 0 : store_reader_fail(reader, code);
}

static int reach_view(struct store_reader *reader, const struct reach_table *table)
{
    char sql[REACH_SQL_SIZE];

    snprintf(sql, sizeof(sql), "CREATE TEMP VIEW %s AS SELECT %s FROM main.%s WHERE %s", table->name, table->columns,
             table->name, table->condition);
    return reach_execute(reader, sql);
}

static bool reach_knows(const char *name)
{
    for (size_t i = 0; i < sizeof(reach_tables) / sizeof(*reach_tables); i++) {
        if (strcmp(reach_tables[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A table that came later, and of which nobody has said who sees it. */
static int reach_check(struct store_reader *reader)
{
    static const char sql[] = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store_reader_database(reader), sql, -1, &statement, NULL);
    bool is_known = true;

    while (code == SQLITE_OK && is_known && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        is_known = reach_knows((const char *)sqlite3_column_text(statement, 0));
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (!is_known) {
        return store_reader_refuse(reader, -EPROTO, "has a table that limited tokens cannot be kept from");
    }
    return code == SQLITE_DONE ? 0 : store_reader_fail(reader, code);
}

int store_reader_limit(struct store_reader *reader, const struct store_reach *reach)
{
    int rc = reach_check(reader);

    rc = rc == 0 ? reach_execute(reader, "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE reach_realm (name TEXT PRIMARY "
                                         "KEY); CREATE TEMP TABLE reach_tag (tag TEXT PRIMARY KEY)")
                 : rc;
    rc = rc == 0 ? reach_fill(reader, "INSERT OR IGNORE INTO temp.reach_realm VALUES (?)", &reach->realms) : rc;
    rc = rc == 0 ? reach_fill(reader, "INSERT OR IGNORE INTO temp.reach_tag VALUES (?)", &reach->tags) : rc;
    for (size_t i = 0; i < sizeof(reach_tables) / sizeof(*reach_tables) && rc == 0; i++) {
        rc = reach_view(reader, &reach_tables[i]);
    }
    return rc;
}
