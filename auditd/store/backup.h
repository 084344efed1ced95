/* Copies of a database: taken while it is written, and brought back in its place. A copy is a single file, whole on the
 * disk and looked through before it takes its name. Knows SQLite and files, not what the rows mean. */
#ifndef LEASTPORT_AUDITD_STORE_BACKUP_H
#define LEASTPORT_AUDITD_STORE_BACKUP_H

#include "auditd/store/store.h"

enum { BACKUP_NAME_SIZE = 512 };

/* Copies one moment of the database at `db_path` to the file `path`, by way of a file beside it. Takes no lock: whoever
 * writes the database goes on, and its log keeps what it writes until this ends. What was at `path` before is replaced
 * at the end, and stays as it was after an error. *ret_bytes is the size of the copy. -errno. */
MUST_USE int store_backup_take(const char *db_path, const char *path, int64_t *ret_bytes,
                               struct store_error *ret_error);

/* Puts what the backup at `path` holds into the database at `db_path`, in one transaction where there is a database
 * that can still be read, and brings it to this program's schema. Takes the writer's lock. What was there before is
 * kept in a file beside it: `ret_kept` (of BACKUP_NAME_SIZE bytes) is its name, "" when there was nothing. A backup
 * that is damaged, foreign or newer than this program is refused before anything is changed. -errno. */
MUST_USE int store_backup_restore(const char *path, const char *db_path, char *ret_kept, struct store_error *ret_error);

#endif
