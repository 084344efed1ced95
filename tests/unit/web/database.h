/* A database for tests of web, made by the migrations as they stand in the tree: such a test does not know auditd's
 * inside. */
#ifndef LEASTPORT_TESTS_UNIT_WEB_DATABASE_H
#define LEASTPORT_TESTS_UNIT_WEB_DATABASE_H

#include "auditd/protocol.h"
#include "auditd/store/read.h"
#include "lib/token.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline int database_is_migration(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".sql") == 0;
}

static inline void database_run(sqlite3 *db, const char *sql)
{
    char *error = NULL;
    int code = sqlite3_exec(db, sql, NULL, NULL, &error);
    if (code != SQLITE_OK) {
        print_error("%s\nin: %.200s\n", error, sql);
    }
    sqlite3_free(error);
    assert_int_equal(code, SQLITE_OK);
}

static inline void database_run_file(sqlite3 *db, const char *folder, const char *name)
{
    char path[512];
    char *sql = calloc(1, 65536);
    FILE *file;
    size_t count;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    assert_non_null(file);
    count = fread(sql, 1, 65535, file);
    fclose(file);
    assert_in_range(count, 100, 65534);
    database_run(db, sql);
    free(sql);
}

/* Every table there is, and a realm. The caller closes it. */
static inline sqlite3 *database_make(const char *path)
{
    static const char own[] = "tests/unit/web/database.h";
    char text[512];
    struct dirent **names = NULL;
    sqlite3 *db;
    int count;
    snprintf(text, sizeof(text), "%.*sschema/migrations", (int)(strlen(__FILE__) - strlen(own)), __FILE__);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    count = scandir(text, &names, database_is_migration, alphasort);
    assert_int_equal(count, STORE_READ_SCHEMA_VERSION);
    snprintf(text, sizeof(text), "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA application_id = %d",
             STORE_APPLICATION_ID);
    database_run(db, text);
    snprintf(text, sizeof(text), "%.*sschema/migrations", (int)(strlen(__FILE__) - strlen(own)), __FILE__);
    for (int i = 0; i < count; i++) {
        database_run_file(db, text, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    snprintf(text, sizeof(text), "PRAGMA user_version = %d; INSERT INTO realm VALUES (1, 'r', 1)",
             STORE_READ_SCHEMA_VERSION);
    database_run(db, text);
    return db;
}

/* A viewer's. */
static inline void database_add_token(sqlite3 *db, char text[TOKEN_TEXT_SIZE], char id[TOKEN_ID_SIZE])
{
    char hash[TOKEN_HASH_SIZE];
    char sql[512];
    token_make(text, id, hash);
    snprintf(sql, sizeof(sql),
             "INSERT INTO token (public_id, kind, name, hash, role, scopes, created_at, created_by) "
             "VALUES ('%s', 'token', '%s', '%s', 'viewer', 'read metrics', 1, 'test')",
             id, id, hash);
    database_run(db, sql);
}

static inline void database_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[512];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        remove(name);
    }
}

#endif
