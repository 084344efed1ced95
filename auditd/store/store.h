/* The database: opens, creates and migrates it, holds the writer's lock, and says in words what went wrong.
 * One writer: a store is used by one thread. Knows SQLite and files, not what the rows mean. */
#ifndef LEASTPORT_AUDITD_STORE_STORE_H
#define LEASTPORT_AUDITD_STORE_STORE_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_fault {
    STORE_FAULT_NONE,
    STORE_FAULT_LOCKED,       /* -EBUSY: another process writes; the text names it */
    STORE_FAULT_NEWER,        /* -EPROTO: made by a newer version */
    STORE_FAULT_NOT_DATABASE, /* -EBADMSG: some other file */
    STORE_FAULT_FOREIGN,      /* -EBADMSG: another application's database */
    STORE_FAULT_CORRUPT,      /* -EUCLEAN */
    STORE_FAULT_FULL,         /* -ENOSPC */
    STORE_FAULT_READ_ONLY,    /* -EROFS, -EACCES: file or folder cannot be written */
    STORE_FAULT_MISSING,      /* -ENOENT */
    STORE_FAULT_OTHER,        /* -EIO, -ENOMEM, … */
};

/* What a person can act on: which file, what is wrong with it, what to do. */
struct store_error {
    enum store_fault fault;
    char text[640];
};

struct store_options {
    bool create;         /* make the file, and the folder it is in, when they are missing; else that is an error */
    bool create_folders; /* and the folders above that one */
    uint32_t busy_ms;    /* how long a statement waits for a lock inside SQLite */
    int64_t max_pages;   /* 0: no ceiling; else SQLite refuses to grow past it, as a full disk would */
};

struct store_options store_options_default(void);

/* Takes the writer's lock (store_lock.h), opens, checks and migrates. The file is made with mode 0640 in folders made
 * with 0750. The caller owns the result: store_close(). On an error `ret_error` is filled in, else untouched. */
MUST_USE int store_open(const char *path, const struct store_options *options, struct store **ret_store,
                        struct store_error *ret_error);

/* To read alone, without the writer's lock: beside a daemon, too. Neither makes nor migrates: an older schema is
 * -EPROTO with STORE_FAULT_OTHER. The caller owns the result: store_close(). */
MUST_USE int store_open_read_only(const char *path, struct store **ret_store, struct store_error *ret_error);

/* Finalizes all statements, rolls back an open transaction and gives up the lock. Takes NULL. */
void store_close(struct store *store);

/* What the last function that returned an error on this store met; borrowed until the next call. */
const struct store_error *store_last_error(const struct store *store);

/* The number of the newest migration that this program carries. */
int store_schema_version(void);

/* Transactions do not nest. BEGIN IMMEDIATE; a failed commit has rolled back. One whose batch is open is asked to end
 * that first. */
MUST_USE int store_begin(struct store *store);
/* For rows that come a few at a time: a transaction that stays open between them. Whoever else begins one meanwhile
 * has `yield` called, which is to commit it (or to roll it back) at once; it is called once at most, and not after a
 * commit or a rollback. Its commit does not wait for the disk: it outlives this process, but a power cut may take back
 * the last ones, whole and in order, up to the next that waits. */
MUST_USE int store_begin_batch(struct store *store, void (*yield)(void *context), void *context);
MUST_USE int store_commit(struct store *store);
void store_rollback(struct store *store);
/* Called within each transaction right before its commit, which an error of it (its -errno) undoes. NULL: nothing. */
void store_on_commit(struct store *store, int (*before_commit)(void *context, struct store *store), void *context);
/* After the last batch: commits wait for the disk again, those without a transaction of their own too. Does nothing
 * while somebody's batch is open. */
MUST_USE int store_end_batches(struct store *store);
bool store_in_transaction(const struct store *store);

enum { STORE_UUID_SIZE = 37 };

/* A random UUID (version 4, RFC 9562) as text. */
void store_uuid(char ret_uuid[STORE_UUID_SIZE]);

#endif
