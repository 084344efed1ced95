/* Reader connections to the store for each thread that asks: one without a limit, and a few for those who see a part.
 * Opens again when the file was put there later or has been replaced. */
#ifndef LEASTPORT_WEB_STORE_POOL_H
#define LEASTPORT_WEB_STORE_POOL_H

#include "auditd/store/read.h"

struct store_pool;

/* `db_path` is copied. The caller owns the result: store_pool_destroy(), after the threads that used it have ended. */
MUST_USE int store_pool_create(const char *db_path, struct store_pool **ret_pool);
void store_pool_destroy(struct store_pool *pool);
/* This thread's reader, inside a snapshot, borrowed until store_pool_return(); of `reach` alone unless it is NULL.
 * Errors as store_reader_open() and store_reader_limit() have them. */
MUST_USE int store_pool_borrow(struct store_pool *pool, const struct store_reach *reach,
                               char error[STORE_READ_ERROR_SIZE], struct store_reader **ret_reader);
/* From which reader, and in which state of the database: two that are the same see the same. Of one thread. */
struct store_stamp {
    uint64_t reader; /* no two that were ever opened share it */
    int64_t version;
};

/* Of a reader that is borrowed. Errors as reading functions have them. */
MUST_USE int store_pool_stamp(struct store_pool *pool, struct store_reader *reader, struct store_stamp *ret_stamp);
/* Ends the snapshot; a reader that met a broken database is closed. */
void store_pool_return(struct store_pool *pool, struct store_reader *reader, bool is_broken);

#endif
