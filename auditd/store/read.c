#include "auditd/store/read.h"

#include "auditd/protocol.h"
#include "auditd/store/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STORE_READER_BUSY_MS = 1000, STORE_READER_STATEMENTS = 32 };

struct store_reader_slot {
    char *sql;
    sqlite3_stmt *statement;
    uint64_t used_at;
    bool in_use;
};

struct store_reader {
    sqlite3 *db;
    char *path;
    dev_t device;
    ino_t inode;
    uint64_t clock;
    struct store_reader_slot slots[STORE_READER_STATEMENTS];
    char error[STORE_READ_ERROR_SIZE];
};

/* ---- open and close ---- */

static const struct {
    int sqlite_code;
    int rc;
} store_reader_codes[] = {
    {SQLITE_BUSY, -EBUSY},         {SQLITE_LOCKED, -EBUSY},    {SQLITE_CORRUPT, -EUCLEAN},
    {SQLITE_NOTADB, -EMEDIUMTYPE}, {SQLITE_CANTOPEN, -EACCES}, {SQLITE_PERM, -EACCES},
    {SQLITE_AUTH, -EACCES},        {SQLITE_READONLY, -EACCES}, {SQLITE_NOMEM, -ENOMEM},
};

static int store_reader_code(int sqlite_code)
{
    for (size_t i = 0; i < sizeof(store_reader_codes) / sizeof(*store_reader_codes); i++) {
        if (store_reader_codes[i].sqlite_code == (sqlite_code & 0xff)) {
            return store_reader_codes[i].rc;
        }
    }
    return -EIO;
}

int store_reader_fail(struct store_reader *reader, int sqlite_code)
{
    if ((sqlite_code & 0xff) != SQLITE_IOERR) {
        snprintf(reader->error, sizeof(reader->error), "%s: %s", reader->path, sqlite3_errmsg(reader->db));
        return store_reader_code(sqlite_code);
    }
    /* Reading too takes a little room: the first reader after a writer makes the log's index (-shm) anew. */
    if (sqlite3_system_errno(reader->db) == ENOSPC) {
        return store_reader_refuse(reader, -ENOSPC, "the disk is full; make room and try again");
    }
    return store_reader_refuse(reader, -EIO, "the disk reports an error; look at the system's log");
}

sqlite3 *store_reader_database(struct store_reader *reader)
{
    return reader->db;
}

int store_reader_refuse(struct store_reader *reader, int rc, const char *message)
{
    snprintf(reader->error, sizeof(reader->error), "%s: %s", reader->path, message);
    return rc;
}

void store_readers_prepare(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int store_reader_pragma(struct store_reader *reader, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : code;
}

/* Says, for each way in which opening fails, what to do. */
static int store_reader_explain(struct store_reader *reader, int rc)
{
    const char *advice = NULL;

    switch (rc) {
    case -EACCES:
        advice = "cannot be opened: this user may not read it, or its -wal and -shm files are missing and cannot be "
                 "made in that folder; run one audit as its owner, or grant the group access";
        break;
    case -EMEDIUMTYPE:
        advice = "is not a Leastport database; name another file with --db";
        break;
    case -EUCLEAN:
        advice = "is corrupt; restore it from a backup or move it away, then audit again";
        break;
    case -EBUSY:
        advice = "is locked by another program; try again when that has ended";
        break;
    default:
        return rc;
    }
    return store_reader_refuse(reader, rc, advice);
}

static int store_reader_check_version(struct store_reader *reader, int64_t application_id, int64_t version)
{
    if (application_id == 0 && version == 0) {
        return store_reader_refuse(reader, -EAGAIN, "is empty: no audit has written to it yet");
    }
    if (application_id != STORE_APPLICATION_ID) {
        return store_reader_explain(reader, -EMEDIUMTYPE);
    }
    if (version > STORE_READ_SCHEMA_VERSION) {
        snprintf(reader->error, sizeof(reader->error),
                 "%s: is of schema version %lld, this program reads version %d; install the newer Leastport",
                 reader->path, (long long)version, STORE_READ_SCHEMA_VERSION);
        return -EPROTO;
    }
    if (version == 0) {
        return store_reader_refuse(reader, -EAGAIN, "is empty: no audit has written to it yet");
    }
    if (version < STORE_READ_SCHEMA_VERSION) {
        return store_reader_refuse(reader, -ESTALE,
                                   "is of an older version; start leastport-auditd once to migrate it");
    }
    return 0;
}

static bool store_reader_has_tables(struct store_reader *reader)
{
    int64_t count = 0;

    return store_reader_pragma(reader, "SELECT count(*) FROM sqlite_schema", &count) == 0 && count > 0;
}

/* Reads the header before anything else does: a file that is none fails here. */
static int store_reader_check(struct store_reader *reader)
{
    int64_t application_id = 0;
    int64_t version = 0;
    int code = store_reader_pragma(reader, "PRAGMA application_id", &application_id);

    if (code == 0) {
        code = store_reader_pragma(reader, "PRAGMA user_version", &version);
    }
    if (code != 0) {
        return store_reader_explain(reader, store_reader_fail(reader, code));
    }
    if (application_id == 0 && version == 0 && store_reader_has_tables(reader)) {
        return store_reader_explain(reader, -EMEDIUMTYPE);
    }
    return store_reader_check_version(reader, application_id, version);
}

static int store_reader_connect(struct store_reader *reader)
{
    int code = sqlite3_open_v2(reader->path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (reader->db == NULL) {
        return store_reader_refuse(reader, -ENOMEM, "out of memory");
    }
    if (code != SQLITE_OK) {
        return store_reader_explain(reader, store_reader_fail(reader, code));
    }
    sqlite3_extended_result_codes(reader->db, 1);
    sqlite3_busy_timeout(reader->db, STORE_READER_BUSY_MS);
    sqlite3_db_config(reader->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(reader->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* What is sorted stays in memory: a reader that may write nowhere has no file to sort in. */
    if (sqlite3_exec(reader->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL) != SQLITE_OK) {
        return store_reader_refuse(reader, -ENOMEM, "out of memory");
    }
    return store_reader_check(reader);
}

static int store_reader_find(struct store_reader *reader)
{
    struct stat status;

    if (stat(reader->path, &status) != 0) {
        int rc = -errno;
        snprintf(reader->error, sizeof(reader->error), "%s: %s%s", reader->path, strerror(-rc),
                 rc == -ENOENT ? "; the first audit makes it" : "");
        return rc == -ENOENT || rc == -EACCES ? rc : rc == -ENOTDIR ? -ENOENT : -EIO;
    }
    if (!S_ISREG(status.st_mode)) {
        return store_reader_refuse(reader, -EMEDIUMTYPE, "is not a file");
    }
    if (status.st_size == 0) {
        return store_reader_refuse(reader, -EAGAIN, "is empty: no audit has written to it yet");
    }
    reader->device = status.st_dev;
    reader->inode = status.st_ino;
    return 0;
}

int store_reader_open(const char *path, char error[STORE_READ_ERROR_SIZE], struct store_reader **ret_reader)
{
    struct store_reader *reader = calloc(1, sizeof(*reader));
    int rc;

    if (reader == NULL || (reader->path = strdup(path)) == NULL) {
        snprintf(error, STORE_READ_ERROR_SIZE, "out of memory");
        store_reader_close(reader);
        return -ENOMEM;
    }
    rc = store_reader_find(reader);
    if (rc == 0) {
        rc = store_reader_connect(reader);
    }
    if (rc != 0) {
        memcpy(error, reader->error, STORE_READ_ERROR_SIZE);
        store_reader_close(reader);
        return rc;
    }
    *ret_reader = reader;
    return 0;
}

void store_reader_close(struct store_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < STORE_READER_STATEMENTS; i++) {
        sqlite3_finalize(reader->slots[i].statement);
        free(reader->slots[i].sql);
    }
    sqlite3_close(reader->db);
    free(reader->path);
    free(reader);
}

const char *store_reader_error(const struct store_reader *reader)
{
    return reader->error;
}

bool store_reader_is_replaced(const struct store_reader *reader)
{
    struct stat status;

    return stat(reader->path, &status) != 0 || status.st_dev != reader->device || status.st_ino != reader->inode;
}

/* ---- snapshots and statements ---- */

static int store_reader_execute(struct store_reader *reader, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int rc = store_reader_prepare(reader, sql, &statement);
    int code;

    if (rc != 0) {
        return rc;
    }
    code = sqlite3_step(statement);
    rc = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : store_reader_fail(reader, code);
    store_reader_release(reader, statement);
    return rc;
}

int store_reader_begin(struct store_reader *reader)
{
    return store_reader_execute(reader, "BEGIN");
}

void store_reader_end(struct store_reader *reader)
{
    /* A read transaction has nothing to lose: when ending it fails there was none. */
    int rc = sqlite3_get_autocommit(reader->db) ? 0 : store_reader_execute(reader, "ROLLBACK");
    (void)rc;
}

int store_reader_version(struct store_reader *reader, int64_t *ret_version)
{
    sqlite3_stmt *statement = NULL;
    int rc = store_reader_prepare(reader, "PRAGMA data_version", &statement);
    int code;

    if (rc != 0) {
        return rc;
    }
    code = sqlite3_step(statement);
    rc = code == SQLITE_ROW ? 0 : store_reader_fail(reader, code == SQLITE_DONE ? SQLITE_ERROR : code);
    if (rc == 0) {
        *ret_version = sqlite3_column_int64(statement, 0);
    }
    store_reader_release(reader, statement);
    return rc;
}

static struct store_reader_slot *store_reader_oldest(struct store_reader *reader)
{
    struct store_reader_slot *oldest = NULL;

    for (size_t i = 0; i < STORE_READER_STATEMENTS; i++) {
        struct store_reader_slot *slot = &reader->slots[i];
        if (!slot->in_use && (oldest == NULL || slot->used_at < oldest->used_at)) {
            oldest = slot;
        }
    }
    return oldest;
}

static struct store_reader_slot *store_reader_cached(struct store_reader *reader, const char *sql)
{
    for (size_t i = 0; i < STORE_READER_STATEMENTS; i++) {
        struct store_reader_slot *slot = &reader->slots[i];
        if (slot->sql != NULL && !slot->in_use && strcmp(slot->sql, sql) == 0) {
            return slot;
        }
    }
    return NULL;
}

int store_reader_prepare(struct store_reader *reader, const char *sql, sqlite3_stmt **ret_statement)
{
    struct store_reader_slot *slot = store_reader_cached(reader, sql);
    int code;

    if (slot == NULL) {
        slot = store_reader_oldest(reader);
        /* Lists nest two deep at most. */
        assert(slot != NULL);
        sqlite3_finalize(slot->statement);
        slot->statement = NULL;
        free(slot->sql);
        slot->sql = strdup(sql);
        if (slot->sql == NULL) {
            return store_reader_refuse(reader, -ENOMEM, "out of memory");
        }
        code = sqlite3_prepare_v3(reader->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->statement, NULL);
        if (code != SQLITE_OK) {
            free(slot->sql);
            slot->sql = NULL;
            return store_reader_fail(reader, code);
        }
    }
    slot->in_use = true;
    slot->used_at = ++reader->clock;
    *ret_statement = slot->statement;
    return 0;
}

void store_reader_release(struct store_reader *reader, sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    for (size_t i = 0; i < STORE_READER_STATEMENTS; i++) {
        if (reader->slots[i].statement == statement) {
            reader->slots[i].in_use = false;
        }
    }
}
