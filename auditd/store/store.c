#include "auditd/store/store.h"

#include "auditd/protocol.h"
#include "auditd/store/arrivals.h"
#include "auditd/store/lock.h"
#include "auditd/store/migration.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STORE_BUSY_MS = 5000,
    /* Checking reads the whole file: below this it takes a moment, above it corruption is met where it is read. */
    STORE_CHECK_MAX_BYTES = 64 * 1024 * 1024,
    /* A scan's ports come in random order, so that a batch touches pages all over its indices: those stay in memory,
     * and the log goes back into the file seldom, when one page holds many changes. */
    STORE_CACHE_KIB = 64 * 1024,
    STORE_LOG_PAGES = 8 * 1024,
};

struct store_options store_options_default(void)
{
    return (struct store_options){.create = true, .busy_ms = STORE_BUSY_MS};
}

int store_schema_version(void)
{
    return store_migrations[store_migration_count - 1].number;
}

void store_uuid(char ret_uuid[STORE_UUID_SIZE])
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    snprintf(ret_uuid, STORE_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
             bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static int store_refuse(struct store_error *ret_error, enum store_fault fault, int rc, const char *path,
                        const char *meaning)
{
    ret_error->fault = fault;
    snprintf(ret_error->text, sizeof(ret_error->text), "the database %.400s: %s", path, meaning);
    return rc;
}

static int store_refuse_errno(struct store_error *ret_error, const char *path, int error)
{
    switch (error) {
    case ENOENT:
        return store_refuse(ret_error, STORE_FAULT_MISSING, -ENOENT, path,
                            "there is no such file; check the path, or run an audit first");
    case ENOTDIR:
        return store_refuse(ret_error, STORE_FAULT_MISSING, -ENOTDIR, path, "a part of its path is not a folder");
    case EISDIR:
        return store_refuse(ret_error, STORE_FAULT_NOT_DATABASE, -EISDIR, path, "it is a folder; name a file in it");
    case EACCES:
    case EPERM:
    case EROFS:
        return store_refuse(ret_error, STORE_FAULT_READ_ONLY, -error, path,
                            "it cannot be written; check the owner and mode of file and folder");
    case ENOSPC:
        return store_refuse(ret_error, STORE_FAULT_FULL, -ENOSPC, path, "the disk is full; make room and run again");
    default:
        return store_refuse(ret_error, STORE_FAULT_OTHER, -error, path, strerror(error));
    }
}

static bool store_is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int store_refuse_folder(struct store_error *ret_error, const char *path, const char *folder, int error)
{
    bool denied = error == EACCES || error == EPERM || error == EROFS;
    bool missing = error == ENOENT || error == ENOTDIR;

    ret_error->fault = denied            ? STORE_FAULT_READ_ONLY
                       : missing         ? STORE_FAULT_MISSING
                       : error == ENOSPC ? STORE_FAULT_FULL
                                         : STORE_FAULT_OTHER;
    snprintf(ret_error->text, sizeof(ret_error->text),
             "the database %.240s: its folder %.240s cannot be made: %s; check the path, make the folder yourself, or "
             "name another place by --db FILE",
             path, folder, strerror(error));
    return -error;
}

/* The folder in which `path` lies, and with `all` those in which that one lies. More would follow a slip of the pen. */
static int store_make_folders(const char *path, bool all, struct store_error *ret_error)
{
    char folder[PATH_MAX];
    char *last;

    if (strlen(path) >= sizeof(folder)) {
        return store_refuse_errno(ret_error, path, ENAMETOOLONG);
    }
    memcpy(folder, path, strlen(path) + 1);
    last = strrchr(folder, '/');
    for (char *slash = all ? strchr(folder + 1, '/') : last; slash != NULL && slash != folder;
         slash = strchr(slash + 1, '/')) {
        int error = 0;
        *slash = '\0';
        /* A read-only or automounted parent may refuse although the folder is there. */
        if (mkdir(folder, 0750) < 0) {
            error = errno;
        }
        if (error != 0 && !store_is_folder(folder)) {
            return store_refuse_folder(ret_error, path, folder, error == EEXIST ? ENOTDIR : error);
        }
        *slash = '/';
    }
    return 0;
}

/* SQLite would make the file with 0644: it is made here, before SQLite sees it. */
static int store_make_file(const char *path, const struct store_options *options, struct store_error *ret_error)
{
    struct stat status;
    int rc = options->create ? store_make_folders(path, options->create_folders, ret_error) : 0;
    int fd;

    if (rc < 0) {
        return rc;
    }
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return store_refuse_errno(ret_error, path, EISDIR);
    }
    fd = open(path, O_RDWR | O_CLOEXEC | (options->create ? O_CREAT : 0), 0640);
    if (fd < 0) {
        return store_refuse_errno(ret_error, path, errno);
    }
    close(fd);
    return 0;
}

static int store_pragma_int(struct store *store, const char *sql, int64_t *ret_value)
{
    return store_query_int(store, ret_value, sql, "");
}

static int store_exec(struct store *store, const char *sql)
{
    int sqlite_rc = sqlite3_exec(store_database(store), sql, NULL, NULL, NULL);

    return sqlite_rc == SQLITE_OK ? 0 : store_fail_sqlite(store, sqlite_rc);
}

/* Whose database is it, and of which version? An empty file is ours to fill. */
static int store_recognise(struct store *store, const char *path, int64_t *ret_version)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    int rc = store_pragma_int(store, "PRAGMA application_id", &application);

    if (rc == 0) {
        rc = store_pragma_int(store, "PRAGMA user_version", &version);
    }
    if (rc == 0) {
        rc = store_pragma_int(store, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (rc < 0) {
        return rc;
    }
    if (application != STORE_APPLICATION_ID && (application != 0 || version != 0 || tables != 0)) {
        return store_fail(store, STORE_FAULT_FOREIGN, -EBADMSG,
                          "the database %.400s belongs to another application; name another file", path);
    }
    if (version > store_schema_version()) {
        return store_fail(store, STORE_FAULT_NEWER, -EPROTO,
                          "the database %.400s was made by a newer Leastport (schema %lld, this program knows %d); "
                          "install that version, or name another file",
                          path, (long long)version, store_schema_version());
    }
    *ret_version = version;
    return 0;
}

static int store_check(struct store *store, const char *path)
{
    sqlite3_stmt *statement;
    struct stat status;
    int rc;

    if (stat(path, &status) < 0 || status.st_size > STORE_CHECK_MAX_BYTES) {
        return 0;
    }
    rc = store_query(store, &statement, "PRAGMA quick_check(1)", "");
    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, statement);
    if (rc == 1 && strcmp(store_text(statement, 0), "ok") != 0) {
        char found[160];
        snprintf(found, sizeof(found), "%s", store_text(statement, 0));
        store_walked(statement);
        return store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN,
                          "the database %.300s: the file is corrupt; restore a backup, or move it away (with its -wal "
                          "and -shm) and begin a new one (%s)",
                          path, found);
    }
    store_walked(statement);
    return rc < 0 ? rc : 0;
}

static int store_migrate_one(struct store *store, const struct store_migration *migration)
{
    char pragmas[128];
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_exec(store, migration->sql);
    if (rc == 0) {
        /* PRAGMA takes no parameters; both numbers are our own. */
        snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
                 migration->number);
        rc = store_exec(store, pragmas);
    }
    if (rc == 0) {
        rc = store_commit(store);
    }
    if (rc < 0) {
        store_rollback(store);
    }
    return rc;
}

static int store_migrate(struct store *store, int64_t version)
{
    for (size_t i = 0; i < store_migration_count; i++) {
        int rc = store_migrations[i].number > version ? store_migrate_one(store, &store_migrations[i]) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int store_prepare_connection(struct store *store, const struct store_options *options)
{
    char pragma[128];
    int persist = 1;
    int sqlite_rc;

    sqlite3_extended_result_codes(store_database(store), 1);
    sqlite_rc = sqlite3_busy_timeout(store_database(store), (int)options->busy_ms);
    if (sqlite_rc == SQLITE_OK) {
        /* A reader opens with mode=ro, which needs -wal and -shm to be there while no writer is. */
        sqlite_rc = sqlite3_file_control(store_database(store), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    }
    if (sqlite_rc == SQLITE_OK) {
        sqlite_rc = store_arrivals_register(store_database(store));
    }
    if (sqlite_rc != SQLITE_OK) {
        return store_fail_sqlite(store, sqlite_rc);
    }
    /* PRAGMA takes no parameters; the numbers are our own. */
    snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d", STORE_CACHE_KIB,
             STORE_LOG_PAGES);
    sqlite_rc = sqlite3_exec(store_database(store), pragma, NULL, NULL, NULL);
    if (sqlite_rc != SQLITE_OK) {
        return store_fail_sqlite(store, sqlite_rc);
    }
    if (options->max_pages > 0) {
        snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %lld", (long long)options->max_pages);
        return store_exec(store, pragma);
    }
    return 0;
}

static int store_setup(struct store *store, const char *path, const struct store_options *options)
{
    int64_t version = 0;
    int rc = store_prepare_connection(store, options);

    if (rc == 0) {
        rc = store_recognise(store, path, &version);
    }
    if (rc == 0 && version == 0) {
        /* Only before the first page: room that deleted rows leave can be given back to the disk (room.h). */
        rc = store_exec(store, "PRAGMA auto_vacuum = INCREMENTAL");
    }
    if (rc == 0) {
        rc = store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF");
    }
    if (rc == 0 && version > 0) {
        rc = store_check(store, path);
    }
    if (rc == 0) {
        rc = store_migrate(store, version);
    }
    return rc;
}

int store_open(const char *path, const struct store_options *options, struct store **ret_store,
               struct store_error *ret_error)
{
    struct store_lock *lock = NULL;
    struct store *store = NULL;
    sqlite3 *database = NULL;
    int sqlite_rc;
    int rc;

    if (sodium_init() < 0) {
        return store_refuse(ret_error, STORE_FAULT_OTHER, -EIO, path, "the random generator does not start");
    }
    /* Statistics of memory that nobody reads take a lock for each allocation. Refused where SQLite runs already. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    rc = store_make_file(path, options, ret_error);
    if (rc == 0) {
        rc = store_lock_take(path, &lock, ret_error);
    }
    if (rc < 0) {
        return rc;
    }
    sqlite_rc = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (sqlite_rc != SQLITE_OK) {
        rc = store_explain(sqlite_rc, path, sqlite3_errstr(sqlite_rc), ret_error);
        sqlite3_close_v2(database);
        store_lock_release(lock);
        return rc;
    }
    rc = store_attach(database, path, lock, &store);
    if (rc < 0) {
        return store_refuse(ret_error, STORE_FAULT_OTHER, rc, path, "out of memory");
    }
    rc = store_setup(store, path, options);
    if (rc < 0) {
        *ret_error = *store_last_error(store);
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

static int store_setup_read_only(struct store *store, const char *path)
{
    int64_t version = 0;
    int rc;

    sqlite3_extended_result_codes(store_database(store), 1);
    sqlite3_busy_timeout(store_database(store), (int)store_options_default().busy_ms);
    rc = store_recognise(store, path, &version);
    if (rc == 0 && version == 0) {
        return store_fail(store, STORE_FAULT_MISSING, -ENOENT,
                          "the database %.400s is empty: no audit has written to it", path);
    }
    if (rc == 0 && version < store_schema_version()) {
        return store_fail(store, STORE_FAULT_OTHER, -EPROTO,
                          "the database %.400s is of an older version; the next audit brings it up to date", path);
    }
    return rc == 0 ? store_exec(store, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF") : rc;
}

int store_open_read_only(const char *path, struct store **ret_store, struct store_error *ret_error)
{
    struct store *store = NULL;
    sqlite3 *database = NULL;
    int sqlite_rc;
    int rc;

    if (sodium_init() < 0) {
        return store_refuse(ret_error, STORE_FAULT_OTHER, -EIO, path, "the random generator does not start");
    }
    if (access(path, F_OK) != 0) {
        return store_refuse_errno(ret_error, path, errno);
    }
    if (store_is_folder(path)) {
        return store_refuse(ret_error, STORE_FAULT_OTHER, -EISDIR, path, "it is a folder; name a file in it");
    }
    sqlite_rc = sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (sqlite_rc != SQLITE_OK) {
        rc = store_explain(sqlite_rc, path, sqlite3_errstr(sqlite_rc), ret_error);
        sqlite3_close_v2(database);
        return rc;
    }
    rc = store_attach(database, path, NULL, &store);
    if (rc < 0) {
        return store_refuse(ret_error, STORE_FAULT_OTHER, rc, path, "out of memory");
    }
    rc = store_setup_read_only(store, path);
    if (rc < 0) {
        *ret_error = *store_last_error(store);
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

static int store_set_relaxed(struct store *store, bool relaxed)
{
    struct store_batching *batching = store_batching(store);
    int rc = 0;

    if (batching->relaxed != relaxed) {
        rc = store_exec(store, relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
        batching->relaxed = rc < 0 ? batching->relaxed : relaxed;
    }
    return rc;
}

static int store_begin_as(struct store *store, bool relaxed)
{
    struct store_batching *batching = store_batching(store);
    int rc;

    if (batching->yield != NULL) {
        void (*yield)(void *context) = batching->yield;
        batching->yield = NULL;
        yield(batching->context);
    }
    rc = store_in_transaction(store) ? 0 : store_set_relaxed(store, relaxed);
    return rc < 0 ? rc : store_run(store, "BEGIN IMMEDIATE", "");
}

int store_begin(struct store *store)
{
    return store_begin_as(store, false);
}

int store_begin_batch(struct store *store, void (*yield)(void *context), void *context)
{
    int rc = store_begin_as(store, true);

    if (rc == 0) {
        store_batching(store)->yield = yield;
        store_batching(store)->context = context;
    }
    return rc;
}

int store_end_batches(struct store *store)
{
    return store_in_transaction(store) ? 0 : store_set_relaxed(store, false);
}

int store_commit(struct store *store)
{
    int rc;

    store_batching(store)->yield = NULL;
    rc = store_before_commit(store);
    rc = rc == 0 ? store_run(store, "COMMIT", "") : rc;
    if (rc < 0) {
        store_rollback(store);
    }
    return rc;
}

void store_rollback(struct store *store)
{
    store_batching(store)->yield = NULL;
    /* The error that led here is the one to tell: sqlite3_exec() leaves the store's last error alone. */
    if (store_in_transaction(store)) {
        sqlite3_exec(store_database(store), "ROLLBACK", NULL, NULL, NULL);
    }
}

bool store_in_transaction(const struct store *store)
{
    return sqlite3_get_autocommit(store_database(store)) == 0;
}
