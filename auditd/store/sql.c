#include "auditd/store/sql.h"

#include "auditd/store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

struct store_statement {
    const char *sql; /* the key: the pointer, not the text */
    sqlite3_stmt *statement;
    UT_hash_handle hh;
};

struct store {
    sqlite3 *database;
    char *path;
    struct store_lock *lock;
    struct store_statement *statements;
    struct store_error error;
    int (*before_commit)(void *context, struct store *store);
    void *context;
    struct store_batching batching;
};

struct store_batching *store_batching(struct store *store)
{
    return &store->batching;
}

void store_on_commit(struct store *store, int (*before_commit)(void *context, struct store *store), void *context)
{
    store->before_commit = before_commit;
    store->context = context;
}

int store_before_commit(struct store *store)
{
    return store->before_commit == NULL ? 0 : store->before_commit(store->context, store);
}

int store_attach(sqlite3 *database, const char *path, struct store_lock *lock, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store != NULL) {
        store->path = strdup(path);
    }
    if (store == NULL || store->path == NULL) {
        free(store);
        sqlite3_close_v2(database);
        store_lock_release(lock);
        return -ENOMEM;
    }
    store->database = database;
    store->lock = lock;
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    struct store_statement *entry;

    if (store == NULL) {
        return;
    }
    /* The table goes first; what it held is still a list. */
    entry = store->statements;
    HASH_CLEAR(hh, store->statements);
    while (entry != NULL) {
        struct store_statement *next = entry->hh.next;
        sqlite3_finalize(entry->statement);
        free(entry);
        entry = next;
    }
    sqlite3_close_v2(store->database);
    store_lock_release(store->lock);
    free(store->path);
    free(store);
}

sqlite3 *store_database(const struct store *store)
{
    return store->database;
}

const struct store_error *store_last_error(const struct store *store)
{
    return &store->error;
}

/* What SQLite's primary result codes mean here, and what a person can do. */
static const struct {
    int sqlite_rc;
    enum store_fault fault;
    int rc;
    const char *meaning;
} store_meanings[] = {
    {SQLITE_BUSY, STORE_FAULT_LOCKED, -EBUSY,
     "another process holds its lock; end that process (a database shell, a backup) and try again"},
    {SQLITE_LOCKED, STORE_FAULT_LOCKED, -EBUSY, "it is locked by this process's own reader"},
    {SQLITE_FULL, STORE_FAULT_FULL, -ENOSPC,
     "the disk is full (or the database reached its ceiling); make room and run again"},
    {SQLITE_CORRUPT, STORE_FAULT_CORRUPT, -EUCLEAN,
     "the file is corrupt; restore a backup, or move it away (with its -wal and -shm) and begin a new one"},
    {SQLITE_NOTADB, STORE_FAULT_NOT_DATABASE, -EBADMSG, "the file is not a database; name another file"},
    {SQLITE_READONLY, STORE_FAULT_READ_ONLY, -EROFS,
     "it cannot be written; check the owner and mode of file and folder"},
    {SQLITE_PERM, STORE_FAULT_READ_ONLY, -EACCES, "access is denied; check the owner and mode of file and folder"},
    {SQLITE_CANTOPEN, STORE_FAULT_READ_ONLY, -EACCES,
     "it cannot be opened; check that the folder exists and may be written"},
    {SQLITE_NOMEM, STORE_FAULT_OTHER, -ENOMEM, "out of memory"},
    {SQLITE_IOERR, STORE_FAULT_OTHER, -EIO, "the disk reports an error; look at the system's log"},
    {SQLITE_CONSTRAINT, STORE_FAULT_OTHER, -EINVAL, "a row breaks a rule of the schema (an error of this program)"},
};

int store_explain(int sqlite_rc, const char *path, const char *detail, struct store_error *ret_error)
{
    for (size_t i = 0; i < sizeof(store_meanings) / sizeof(*store_meanings); i++) {
        if (store_meanings[i].sqlite_rc == (sqlite_rc & 0xff)) {
            ret_error->fault = store_meanings[i].fault;
            snprintf(ret_error->text, sizeof(ret_error->text), "the database %.300s: %s (%.150s)", path,
                     store_meanings[i].meaning, detail);
            return store_meanings[i].rc;
        }
    }
    ret_error->fault = STORE_FAULT_OTHER;
    snprintf(ret_error->text, sizeof(ret_error->text), "the database %.300s: %.150s", path, detail);
    return -EIO;
}

/* Why no file can be made beside the database; 0 when one can. SQLite tries again without making it, and so loses the
 * reason why its log or journal cannot be made. */
static int store_folder_errno(const char *path)
{
    char probe[PATH_MAX];
    int length = snprintf(probe, sizeof(probe), "%s.XXXXXX", path);
    int fd;

    if (length < 0 || (size_t)length >= sizeof(probe)) {
        return ENAMETOOLONG;
    }
    fd = mkostemp(probe, O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    close(fd);
    unlink(probe);
    return 0;
}

/* To SQLite a full disk is that only where it writes pages. Where it makes a file, extends the log's index, or meets a
 * quota, the system says more. */
static int store_system_reason(const struct store *store, int sqlite_rc)
{
    int primary = sqlite_rc & 0xff;
    int error;

    if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) {
        return sqlite_rc;
    }
    error = primary == SQLITE_IOERR ? sqlite3_system_errno(store->database) : store_folder_errno(store->path);
    if (error == ENOSPC || error == EDQUOT) {
        return SQLITE_FULL;
    }
    return error == EIO ? SQLITE_IOERR : sqlite_rc;
}

int store_fail_sqlite(struct store *store, int sqlite_rc)
{
    return store_explain(store_system_reason(store, sqlite_rc), store->path, sqlite3_errmsg(store->database),
                         &store->error);
}

int store_fail(struct store *store, enum store_fault fault, int rc, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(store->error.text, sizeof(store->error.text), format, arguments);
    va_end(arguments);
    store->error.fault = fault;
    return rc;
}

static int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret_statement)
{
    struct store_statement *entry;
    int sqlite_rc;

    HASH_FIND_PTR(store->statements, &sql, entry);
    if (entry != NULL) {
        *ret_statement = entry->statement;
        return 0;
    }
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    sqlite_rc = sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &entry->statement, NULL);
    if (sqlite_rc != SQLITE_OK) {
        free(entry);
        return store_fail_sqlite(store, sqlite_rc);
    }
    entry->sql = sql;
    HASH_ADD_PTR(store->statements, sql, entry);
    *ret_statement = entry->statement;
    return 0;
}

/* `text_life`: SQLITE_STATIC where the texts outlive the statement's run, else SQLITE_TRANSIENT. */
static int store_bind_one(sqlite3_stmt *statement, int index, char type, sqlite3_destructor_type text_life,
                          va_list *arguments)
{
    const char *text;

    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'r':
        return sqlite3_bind_double(statement, index, va_arg(*arguments, double));
    case 't':
        text = va_arg(*arguments, const char *);
        return text == NULL ? sqlite3_bind_null(statement, index)
                            : sqlite3_bind_text(statement, index, text, -1, text_life);
    case 'p':
        return sqlite3_bind_pointer(statement, index, va_arg(*arguments, void *), STORE_POINTER, NULL);
    default:
        assert(type == 'n');
        return sqlite3_bind_null(statement, index);
    }
}

static int store_bind(struct store *store, sqlite3_stmt *statement, sqlite3_destructor_type text_life,
                      const char *types, va_list *arguments)
{
    assert(!sqlite3_stmt_busy(statement));
    sqlite3_reset(statement);
    assert(sqlite3_bind_parameter_count(statement) == (int)strlen(types));
    for (int i = 0; types[i] != '\0'; i++) {
        int sqlite_rc = store_bind_one(statement, i + 1, types[i], text_life, arguments);
        if (sqlite_rc != SQLITE_OK) {
            return store_fail_sqlite(store, sqlite_rc);
        }
    }
    return 0;
}

int store_query(struct store *store, sqlite3_stmt **ret_statement, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list arguments;
    int rc = store_prepare(store, sql, &statement);

    if (rc < 0) {
        return rc;
    }
    va_start(arguments, types);
    rc = store_bind(store, statement, SQLITE_TRANSIENT, types, &arguments);
    va_end(arguments);
    if (rc == 0) {
        *ret_statement = statement;
    }
    return rc;
}

int store_step(struct store *store, sqlite3_stmt *statement)
{
    int sqlite_rc = sqlite3_step(statement);
    int rc;

    if (sqlite_rc == SQLITE_ROW) {
        return 1;
    }
    rc = sqlite_rc == SQLITE_DONE ? 0 : store_fail_sqlite(store, sqlite_rc);
    sqlite3_reset(statement);
    return rc;
}

void store_walked(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
}

int store_run(struct store *store, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list arguments;
    int rc = store_prepare(store, sql, &statement);

    if (rc < 0) {
        return rc;
    }
    /* The texts are the caller's, and it is done when this returns. */
    va_start(arguments, types);
    rc = store_bind(store, statement, SQLITE_STATIC, types, &arguments);
    va_end(arguments);
    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, statement);
    assert(rc <= 0);
    return rc;
}

int store_query_int(struct store *store, int64_t *ret_value, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list arguments;
    int rc = store_prepare(store, sql, &statement);

    if (rc < 0) {
        return rc;
    }
    /* The texts are the caller's, and it is done when this returns. */
    va_start(arguments, types);
    rc = store_bind(store, statement, SQLITE_STATIC, types, &arguments);
    va_end(arguments);
    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, statement);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_value = sqlite3_column_int64(statement, 0);
    store_walked(statement);
    return 0;
}

int64_t store_last_id(const struct store *store)
{
    return sqlite3_last_insert_rowid(store->database);
}

int64_t store_changes(const struct store *store)
{
    return sqlite3_changes64(store->database);
}

const char *store_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text == NULL ? "" : (const char *)text;
}
