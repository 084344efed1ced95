/* A database for tests of the read-only store: empty, of the newest schema, and filled by SQL as auditd would leave it.
 */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_READ_DATABASE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_READ_DATABASE_H

#include "auditd/protocol.h"
#include "auditd/store/migration.h"
#include "auditd/store/read.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The files of the WAL stay, as readers may not make them. */
static void read_database_run(const char *path, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    int keep = 1;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
    sqlite3_close(db);
}

static void read_database_make(const char *path)
{
    char pragmas[128];

    read_database_run(path, "PRAGMA journal_mode = WAL");
    for (size_t i = 0; i < store_migration_count; i++) {
        read_database_run(path, store_migrations[i].sql);
    }
    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
             STORE_READ_SCHEMA_VERSION);
    read_database_run(path, pragmas);
}

#endif
