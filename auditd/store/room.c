#include "auditd/store/room.h"

#include "auditd/store/sql.h"

#include <stdio.h>

/* SQLite's number for auto_vacuum = INCREMENTAL. */
enum { ROOM_INCREMENTAL = 2 };

static int room_run(struct store *store, const char *sql)
{
    int sqlite_rc = sqlite3_exec(store_database(store), sql, NULL, NULL, NULL);

    return sqlite_rc == SQLITE_OK ? 0 : store_fail_sqlite(store, sqlite_rc);
}

int room_look(struct store *store, struct room *ret_room)
{
    struct room room = {0};
    int64_t mode = 0;
    int rc = store_query_int(store, &room.page_bytes, "PRAGMA page_size", "");

    rc = rc == 0 ? store_query_int(store, &room.pages, "PRAGMA page_count", "") : rc;
    rc = rc == 0 ? store_query_int(store, &room.free_pages, "PRAGMA freelist_count", "") : rc;
    rc = rc == 0 ? store_query_int(store, &mode, "PRAGMA auto_vacuum", "") : rc;
    if (rc == 0) {
        room.gives_back = mode == ROOM_INCREMENTAL;
        *ret_room = room;
    }
    return rc;
}

int room_give(struct store *store, uint32_t pages)
{
    char pragma[64];
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    /* PRAGMA takes no parameters. */
    snprintf(pragma, sizeof(pragma), "PRAGMA incremental_vacuum(%u)", (unsigned)pages);
    rc = room_run(store, pragma);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int room_settle(struct store *store)
{
    return room_run(store, "PRAGMA wal_checkpoint(PASSIVE)");
}

int room_compact(struct store *store)
{
    return room_run(store, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
}
