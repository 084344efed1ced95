#include "auditd/store/put_off.h"

#include "auditd/store/sql.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int put_off_read(struct store *store, const char *index, char **ret_sql)
{
    sqlite3_stmt *row = NULL;
    char *sql;
    int rc = store_query(store, &row,
                         "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ? AND sql IS NOT"
                         " NULL",
                         "t", index);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : store_fail(store, STORE_FAULT_CORRUPT, -ENOENT, "the index %s is missing", index);
    }
    sql = strdup(store_text(row, 0));
    store_walked(row);
    if (sql == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    *ret_sql = sql;
    return 0;
}

static int put_off_run(struct store *store, const char *sql)
{
    int sqlite_rc = sqlite3_exec(store_database(store), sql, NULL, NULL, NULL);

    return sqlite_rc == SQLITE_OK ? 0 : store_fail_sqlite(store, sqlite_rc);
}

int store_put_off(struct store *store, struct store_put_off *put_off, const char *index)
{
    char drop[128];
    char *sql = NULL;
    int length = snprintf(drop, sizeof(drop), "DROP INDEX \"%s\"", index);
    int rc;

    assert(put_off->count < STORE_PUT_OFF_MAX && length > 0 && (size_t)length < sizeof(drop));
    rc = put_off_read(store, index, &sql);
    if (rc < 0) {
        return rc;
    }
    rc = put_off_run(store, drop);
    if (rc < 0) {
        free(sql);
        return rc;
    }
    put_off->sql[put_off->count++] = sql;
    return 0;
}

int store_put_off_build(struct store *store, const struct store_put_off *put_off)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < put_off->count; i++) {
        rc = put_off_run(store, put_off->sql[i]);
    }
    return rc;
}

void store_put_off_done(struct store_put_off *put_off)
{
    for (size_t i = 0; i < put_off->count; i++) {
        free(put_off->sql[i]);
    }
    *put_off = (struct store_put_off){0};
}
