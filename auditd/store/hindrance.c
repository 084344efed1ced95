#include "auditd/store/hindrance.h"

#include "auditd/store/sql.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What is reserved for root is nobody else's. */
static bool hindrance_is_full(const char *path)
{
    struct statvfs disk;

    if (path == NULL || statvfs(path, &disk) != 0) {
        return false;
    }
    return (geteuid() == 0 ? disk.f_bfree : disk.f_bavail) * disk.f_frsize < STORE_HINDRANCE_LEAST_BYTES;
}

static bool hindrance_is_locked(struct store *store, int patience_ms)
{
    sqlite3 *database = store_database(store);
    int code;

    if (store_in_transaction(store)) {
        return false;
    }
    sqlite3_busy_timeout(database, patience_ms);
    code = sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_busy_timeout(database, (int)store_options_default().busy_ms);
    return (code & 0xff) == SQLITE_BUSY;
}

void store_hindrance(struct store *store, int patience_ms, char ret_text[STORE_HINDRANCE_SIZE])
{
    const char *path = sqlite3_db_filename(store_database(store), "main");

    ret_text[0] = '\0';
    if (hindrance_is_full(path)) {
        snprintf(ret_text, STORE_HINDRANCE_SIZE,
                 "The disk is full: nothing can be stored in the database until there is room again.");
    } else if (hindrance_is_locked(store, patience_ms)) {
        snprintf(
            ret_text, STORE_HINDRANCE_SIZE,
            "Another process holds the database's lock (a database shell, a backup): nothing can be stored until it "
            "lets go.");
    }
}
