/* Running SQL with bound parameters: for the store_*.c files and the few that stand on them (watch, settle, desk).
 * `sql` is a string that lives for ever: the statement is prepared once and kept until store_close().
 * `types` gives a letter for each parameter: i int64_t, r double, t const char * (NULL binds NULL), n nothing (NULL),
 * p a pointer for a table function of ours, which asks for it by STORE_POINTER.
 */
#ifndef LEASTPORT_AUDITD_STORE_SQL_H
#define LEASTPORT_AUDITD_STORE_SQL_H

#include "auditd/store/store.h"

#include <sqlite3.h>

#define STORE_POINTER "leastport"

struct store_lock;

/* A store round an open connection; takes `database` and `lock` (which may be NULL) also when it fails. */
MUST_USE int store_attach(sqlite3 *database, const char *path, struct store_lock *lock, struct store **ret_store);
sqlite3 *store_database(const struct store *store);

/* -errno of what SQLite answered, with the words for it in the store's last error. */
MUST_USE int store_fail_sqlite(struct store *store, int sqlite_rc);

/* The same without a store: what `sqlite_rc` means for the file at `path`. */
MUST_USE int store_explain(int sqlite_rc, const char *path, const char *detail, struct store_error *ret_error);

/* Binds and hands out the statement, reset. Walk it by store_step(). A statement that is being walked must not be asked
 * for again (asserted): read what is needed, then write. */
MUST_USE int store_query(struct store *store, sqlite3_stmt **ret_statement, const char *sql, const char *types, ...);

/* 1: a row stands; 0: no more (the statement is reset); -errno. Text of a row is borrowed until the next step. */
MUST_USE int store_step(struct store *store, sqlite3_stmt *statement);

/* Leaves a walk before its end. */
void store_walked(sqlite3_stmt *statement);

/* Runs a statement that returns no row. */
MUST_USE int store_run(struct store *store, const char *sql, const char *types, ...);

/* The first column of the first row. -ENOENT when there is none; NULL reads as 0. */
MUST_USE int store_query_int(struct store *store, int64_t *ret_value, const char *sql, const char *types, ...);

/* Whose batch is open (`yield` NULL: nobody's), and whether commits do not wait for the disk. For store.c. */
struct store_batching {
    void (*yield)(void *context);
    void *context;
    bool relaxed;
};
struct store_batching *store_batching(struct store *store);

/* What store_on_commit() asked for. */
MUST_USE int store_before_commit(struct store *store);

int64_t store_last_id(const struct store *store);
int64_t store_changes(const struct store *store);

/* Column text, "" for NULL. */
const char *store_text(sqlite3_stmt *statement, int column);

/* Records an error that SQLite did not raise; returns `rc`. */
MUST_USE int store_fail(struct store *store, enum store_fault fault, int rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
