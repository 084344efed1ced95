#include "auditd/store/backup.h"

#include "auditd/protocol.h"
#include "auditd/store/lock.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BACKUP_BUSY_MS = 30000, BACKUP_STEP_PAGES = 4096, BACKUP_TEXT_SIZE = 256 };

static int backup_refuse(struct store_error *ret_error, enum store_fault fault, int rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int backup_refuse(struct store_error *ret_error, enum store_fault fault, int rc, const char *format, ...)
{
    va_list arguments;

    ret_error->fault = fault;
    va_start(arguments, format);
    vsnprintf(ret_error->text, sizeof(ret_error->text), format, arguments);
    va_end(arguments);
    return rc;
}

static int backup_refuse_errno(struct store_error *ret_error, const char *what, const char *path, int error)
{
    bool denied = error == EACCES || error == EROFS || error == EPERM;

    return backup_refuse(ret_error,
                         denied            ? STORE_FAULT_READ_ONLY
                         : error == ENOENT ? STORE_FAULT_MISSING
                         : error == ENOSPC ? STORE_FAULT_FULL
                                           : STORE_FAULT_OTHER,
                         -error, "cannot %s %.400s: %s; %s", what, path, strerror(error),
                         denied            ? "check the owner and mode of file and folder"
                         : error == ENOSPC ? "make room and run again"
                                           : "check the path");
}

/* Takes `database` when it is not NULL. */
static int backup_refuse_sqlite(struct store_error *ret_error, const char *path, sqlite3 *database, int sqlite_rc)
{
    int rc = store_explain(sqlite_rc, path, database == NULL ? sqlite3_errstr(sqlite_rc) : sqlite3_errmsg(database),
                           ret_error);

    sqlite3_close_v2(database);
    return rc;
}

/* ---- connections ---- */

static int backup_connect(const char *path, int flags, sqlite3 **ret_database, struct store_error *ret_error)
{
    sqlite3 *database = NULL;
    struct stat status;
    int sqlite_rc;

    if (stat(path, &status) != 0) {
        return backup_refuse_errno(ret_error, "read", path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return backup_refuse(ret_error, STORE_FAULT_OTHER, -EINVAL,
                             "cannot read %.400s: it is no plain file; name a database's file", path);
    }
    sqlite_rc = sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (sqlite_rc == SQLITE_OK) {
        sqlite3_extended_result_codes(database, 1);
        sqlite_rc = sqlite3_busy_timeout(database, BACKUP_BUSY_MS);
    }
    if (sqlite_rc != SQLITE_OK) {
        return backup_refuse_sqlite(ret_error, path, database, sqlite_rc);
    }
    *ret_database = database;
    return 0;
}

static int backup_exec(sqlite3 *database, const char *path, const char *sql, struct store_error *ret_error)
{
    int sqlite_rc = sqlite3_exec(database, sql, NULL, NULL, NULL);

    return sqlite_rc == SQLITE_OK ? 0 : store_explain(sqlite_rc, path, sqlite3_errmsg(database), ret_error);
}

/* The first column of the first row of a constant question, "" when there is none. */
static int backup_ask(sqlite3 *database, const char *path, const char *sql, char ret_text[BACKUP_TEXT_SIZE],
                      struct store_error *ret_error)
{
    sqlite3_stmt *statement = NULL;
    int sqlite_rc = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);

    ret_text[0] = '\0';
    if (sqlite_rc == SQLITE_OK) {
        sqlite_rc = sqlite3_step(statement);
    }
    if (sqlite_rc == SQLITE_ROW) {
        snprintf(ret_text, BACKUP_TEXT_SIZE, "%s", store_text(statement, 0));
    }
    sqlite3_finalize(statement);
    if (sqlite_rc != SQLITE_ROW && sqlite_rc != SQLITE_DONE) {
        return store_explain(sqlite_rc, path, sqlite3_errmsg(database), ret_error);
    }
    return 0;
}

/* Is it ours, of a schema that this program knows, and whole? */
static int backup_look(sqlite3 *database, const char *path, struct store_error *ret_error)
{
    char text[BACKUP_TEXT_SIZE];
    int rc = backup_ask(database, path, "PRAGMA application_id", text, ret_error);

    if (rc == 0 && strtol(text, NULL, 10) != STORE_APPLICATION_ID) {
        return backup_refuse(ret_error, STORE_FAULT_FOREIGN, -EBADMSG,
                             "%.400s is no database of Leastport; name another file", path);
    }
    rc = rc == 0 ? backup_ask(database, path, "PRAGMA user_version", text, ret_error) : rc;
    if (rc == 0 && strtol(text, NULL, 10) > store_schema_version()) {
        return backup_refuse(ret_error, STORE_FAULT_NEWER, -EPROTO,
                             "%.400s was made by a newer Leastport (schema %.10s, this program knows %d); use that "
                             "version",
                             path, text, store_schema_version());
    }
    rc = rc == 0 ? backup_ask(database, path, "PRAGMA integrity_check(1)", text, ret_error) : rc;
    if (rc == 0 && strcmp(text, "ok") == 0) {
        rc = backup_ask(database, path, "PRAGMA foreign_key_check", text, ret_error);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", text[0] == '\0' ? "ok" : ": a row is missing");
    }
    if (rc == 0 && strcmp(text, "ok") != 0) {
        return backup_refuse(ret_error, STORE_FAULT_CORRUPT, -EUCLEAN,
                             "%.300s is damaged (%.200s); use an older backup", path, text);
    }
    return rc;
}

/* All pages of one moment: as one transaction of `to`. */
static int backup_pages(sqlite3 *to, const char *to_path, sqlite3 *from, struct store_error *ret_error)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int sqlite_rc;

    if (backup == NULL) {
        return store_explain(sqlite3_errcode(to), to_path, sqlite3_errmsg(to), ret_error);
    }
    do {
        sqlite_rc = sqlite3_backup_step(backup, BACKUP_STEP_PAGES);
    } while (sqlite_rc == SQLITE_OK);
    sqlite3_backup_finish(backup);
    return sqlite_rc == SQLITE_DONE ? 0 : store_explain(sqlite_rc, to_path, sqlite3_errstr(sqlite_rc), ret_error);
}

/* A connection that stays at the moment of this call; foreign and empty files are refused. */
static int backup_open_source(const char *path, sqlite3 **ret_database, struct store_error *ret_error)
{
    char text[BACKUP_TEXT_SIZE];
    sqlite3 *database = NULL;
    int rc = backup_connect(path, SQLITE_OPEN_READONLY, &database, ret_error);

    if (rc < 0) {
        return rc;
    }
    rc = backup_exec(database, path, "BEGIN; SELECT count(*) FROM sqlite_schema", ret_error);
    rc = rc == 0 ? backup_ask(database, path, "PRAGMA application_id", text, ret_error) : rc;
    if (rc == 0 && strtol(text, NULL, 10) != STORE_APPLICATION_ID) {
        rc = backup_refuse(ret_error, STORE_FAULT_FOREIGN, -EBADMSG, "%.400s is no database of Leastport", path);
    }
    if (rc < 0) {
        sqlite3_close_v2(database);
        return rc;
    }
    *ret_database = database;
    return 0;
}

/* ---- files ---- */

static int backup_sync_folder(const char *path, struct store_error *ret_error)
{
    char folder[PATH_MAX];
    char *slash;
    int rc = 0;
    int fd;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL) {
        snprintf(folder, sizeof(folder), ".");
    } else {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        rc = backup_refuse_errno(ret_error, "put on the disk", folder, errno);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static void backup_unlink(const char *path)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    char name[PATH_MAX];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < (int)sizeof(name)) {
            (void)unlink(name);
        }
    }
}

/* A file of ours alone, empty: SQLite would make it readable for all. */
static int backup_make(const char *path, struct store_error *ret_error)
{
    int fd;

    backup_unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return backup_refuse_errno(ret_error, "write", path, errno);
    }
    close(fd);
    return 0;
}

static int backup_sync(const char *path, int64_t *ret_bytes, struct store_error *ret_error)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || fsync(fd) < 0 || fstat(fd, &status) < 0) {
        rc = backup_refuse_errno(ret_error, "put on the disk", path, errno);
    } else {
        *ret_bytes = status.st_size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* The file's own header says that it has a log beside it: a copy is to be one file. */
static int backup_settle(const char *path, struct store_error *ret_error)
{
    sqlite3 *database = NULL;
    int rc = backup_connect(path, SQLITE_OPEN_READWRITE, &database, ret_error);

    if (rc < 0) {
        return rc;
    }
    rc = backup_exec(database, path, "PRAGMA journal_mode = DELETE", ret_error);
    rc = rc == 0 ? backup_look(database, path, ret_error) : rc;
    sqlite3_close_v2(database);
    return rc;
}

static int backup_fill(sqlite3 *from, const char *part, struct store_error *ret_error)
{
    sqlite3 *to = NULL;
    int rc = backup_make(part, ret_error);

    rc = rc == 0 ? backup_connect(part, SQLITE_OPEN_READWRITE, &to, ret_error) : rc;
    if (rc < 0) {
        return rc;
    }
    /* Until it has its name nobody needs it: it is put on the disk once, at the end. */
    rc = backup_exec(to, part, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", ret_error);
    rc = rc == 0 ? backup_pages(to, part, from, ret_error) : rc;
    if (sqlite3_close_v2(to) != SQLITE_OK && rc == 0) {
        rc = backup_refuse(ret_error, STORE_FAULT_OTHER, -EIO, "cannot close %.400s", part);
    }
    return rc == 0 ? backup_settle(part, ret_error) : rc;
}

static int backup_refuse_target(const char *db_path, const char *path, struct store_error *ret_error)
{
    struct stat source;
    struct stat target;

    if (lstat(path, &target) < 0) {
        return errno == ENOENT ? 0 : backup_refuse_errno(ret_error, "write", path, errno);
    }
    if (!S_ISREG(target.st_mode)) {
        return backup_refuse(ret_error, STORE_FAULT_OTHER, -EINVAL,
                             "cannot write %.400s: it is no plain file; name a file in a folder", path);
    }
    if (stat(db_path, &source) == 0 && source.st_dev == target.st_dev && source.st_ino == target.st_ino) {
        return backup_refuse(ret_error, STORE_FAULT_OTHER, -EINVAL,
                             "%.400s is the database itself; name another file for the backup", path);
    }
    return 0;
}

int store_backup_take(const char *db_path, const char *path, int64_t *ret_bytes, struct store_error *ret_error)
{
    char part[PATH_MAX];
    sqlite3 *from = NULL;
    int64_t bytes = 0;
    int rc = backup_refuse_target(db_path, path, ret_error);

    if (rc == 0 && snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part)) {
        rc = backup_refuse_errno(ret_error, "write", path, ENAMETOOLONG);
    }
    rc = rc == 0 ? backup_open_source(db_path, &from, ret_error) : rc;
    if (rc < 0) {
        return rc;
    }
    rc = backup_fill(from, part, ret_error);
    sqlite3_close_v2(from);
    rc = rc == 0 ? backup_sync(part, &bytes, ret_error) : rc;
    if (rc == 0 && rename(part, path) < 0) {
        rc = backup_refuse_errno(ret_error, "name", path, errno);
    }
    if (rc < 0) {
        backup_unlink(part);
        return rc;
    }
    rc = backup_sync_folder(path, ret_error);
    if (rc == 0) {
        *ret_bytes = bytes;
    }
    return rc;
}

/* ---- the way back ---- */

static int backup_check(const char *path, struct store_error *ret_error)
{
    sqlite3 *database = NULL;
    int rc = backup_open_source(path, &database, ret_error);

    if (rc < 0 && (ret_error->fault == STORE_FAULT_CORRUPT || ret_error->fault == STORE_FAULT_NOT_DATABASE)) {
        /* What the store says of a database that cannot be used is no help with a backup. */
        return backup_refuse(ret_error, ret_error->fault, rc,
                             "%.400s is damaged, cut short, or no database at all; use an older backup", path);
    }
    if (rc < 0) {
        return rc;
    }
    rc = backup_look(database, path, ret_error);
    sqlite3_close_v2(database);
    return rc;
}

/* Beside the database, with the time: what was kept once is never written over. */
static int backup_name(const char *db_path, const char *what, char *ret_name)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    int length = -1;

    for (int i = 0; i < 1000; i++) {
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
        length = i == 0 ? snprintf(ret_name, BACKUP_NAME_SIZE, "%s.%s-%s", db_path, what, stamp)
                        : snprintf(ret_name, BACKUP_NAME_SIZE, "%s.%s-%s.%d", db_path, what, stamp, i);
        if (length >= BACKUP_NAME_SIZE) {
            return -ENAMETOOLONG;
        }
        if (access(ret_name, F_OK) != 0) {
            return 0;
        }
    }
    return -EEXIST;
}

/* In one transaction of the database that is there: who reads it meanwhile sees the old or the new one. */
static int backup_pour(const char *path, const char *db_path, struct store_error *ret_error)
{
    int persist = 1;
    sqlite3 *from = NULL;
    sqlite3 *to = NULL;
    int rc = backup_open_source(path, &from, ret_error);

    if (rc < 0) {
        return rc;
    }
    rc = backup_connect(db_path, SQLITE_OPEN_READWRITE, &to, ret_error);
    if (rc == 0) {
        sqlite3_file_control(to, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
        rc = backup_exec(to, db_path, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", ret_error);
        rc = rc == 0 ? backup_pages(to, db_path, from, ret_error) : rc;
        sqlite3_close_v2(to);
    }
    sqlite3_close_v2(from);
    return rc;
}

/* The log of the file that was there means nothing to another one, and would be read as its own. */
static int backup_set_log_aside(const char *db_path, const char *kept, struct store_error *ret_error)
{
    char log[PATH_MAX];
    char aside[PATH_MAX];

    snprintf(log, sizeof(log), "%s-wal", db_path);
    snprintf(aside, sizeof(aside), "%s-wal", kept);
    if (rename(log, aside) < 0 && errno != ENOENT) {
        return backup_refuse_errno(ret_error, "move away", log, errno);
    }
    snprintf(log, sizeof(log), "%s-shm", db_path);
    if (unlink(log) < 0 && errno != ENOENT) {
        return backup_refuse_errno(ret_error, "remove", log, errno);
    }
    return 0;
}

/* Where nothing can be read: the copy is whole before what is there gives way to it, which keeps another name. */
static int backup_replace(const char *path, const char *db_path, const char *kept, struct store_error *ret_error)
{
    char copy[PATH_MAX];
    int64_t bytes;
    int rc;

    if (snprintf(copy, sizeof(copy), "%s.restored", db_path) >= (int)sizeof(copy)) {
        return backup_refuse_errno(ret_error, "write", db_path, ENAMETOOLONG);
    }
    rc = store_backup_take(path, copy, &bytes, ret_error);
    if (rc == 0 && link(db_path, kept) < 0 && errno != ENOENT) {
        rc = backup_refuse_errno(ret_error, "keep", db_path, errno);
    }
    rc = rc == 0 ? backup_set_log_aside(db_path, kept, ret_error) : rc;
    if (rc == 0 && rename(copy, db_path) < 0) {
        rc = backup_refuse_errno(ret_error, "name", db_path, errno);
    }
    if (rc < 0) {
        backup_unlink(copy);
        return rc;
    }
    return backup_sync_folder(db_path, ret_error);
}

static bool backup_is_usable(const char *db_path)
{
    struct store_error ignored;
    struct stat status;

    return stat(db_path, &status) == 0 && status.st_size > 0 && backup_check(db_path, &ignored) == 0;
}

static int backup_put_back(const char *path, const char *db_path, char *ret_kept, struct store_error *ret_error)
{
    bool usable = backup_is_usable(db_path);
    int64_t bytes;
    int rc = backup_name(db_path, usable ? "before" : "damaged", ret_kept);

    if (rc < 0) {
        return backup_refuse_errno(ret_error, "keep", db_path, -rc);
    }
    if (usable) {
        rc = store_backup_take(db_path, ret_kept, &bytes, ret_error);
        return rc == 0 ? backup_pour(path, db_path, ret_error) : rc;
    }
    rc = backup_replace(path, db_path, ret_kept, ret_error);
    if (access(ret_kept, F_OK) != 0) {
        ret_kept[0] = '\0';
    }
    return rc;
}

int store_backup_restore(const char *path, const char *db_path, char *ret_kept, struct store_error *ret_error)
{
    struct store_options options = store_options_default();
    struct store_lock *lock = NULL;
    struct store *store = NULL;
    int rc = backup_refuse_target(path, db_path, ret_error);

    rc = rc == 0 ? backup_check(path, ret_error) : rc;
    rc = rc == 0 ? store_lock_take(db_path, &lock, ret_error) : rc;
    if (rc < 0) {
        return rc;
    }
    rc = backup_put_back(path, db_path, ret_kept, ret_error);
    store_lock_release(lock);
    if (rc < 0) {
        return rc;
    }
    options.create = false;
    rc = store_open(db_path, &options, &store, ret_error);
    store_close(rc == 0 ? store : NULL);
    return rc;
}
