/* What the files of the read-only store share of a reader. Others see store_read.h only. */
#ifndef LEASTPORT_AUDITD_STORE_READER_H
#define LEASTPORT_AUDITD_STORE_READER_H

#include "auditd/store/read.h"

#include <sqlite3.h>

/* A statement of the reader, prepared once and kept while there is room; borrowed until store_reader_release(). */
MUST_USE int store_reader_prepare(struct store_reader *reader, const char *sql, sqlite3_stmt **ret_statement);
void store_reader_release(struct store_reader *reader, sqlite3_stmt *statement);
/* Keeps what went wrong and turns SQLite's code into the contract's. */
MUST_USE int store_reader_fail(struct store_reader *reader, int sqlite_code);
/* The same for a failure that is not SQLite's. */
MUST_USE int store_reader_refuse(struct store_reader *reader, int rc, const char *message);

sqlite3 *store_reader_database(struct store_reader *reader);

#endif
