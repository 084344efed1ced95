/* The writer's lock: flock() on "DB.lock", in which the holder's process id stands. It outlives no process. */
#ifndef LEASTPORT_AUDITD_STORE_LOCK_H
#define LEASTPORT_AUDITD_STORE_LOCK_H

#include "auditd/store/store.h"

#include <sys/types.h>

struct store_lock;

/* Never waits. -EBUSY with the holder named in `ret_error` when another process has it. store_open() calls it: a caller
 * that opens the store needs it not. The caller owns the result: store_lock_release(). */
MUST_USE int store_lock_take(const char *database_path, struct store_lock **ret_lock, struct store_error *ret_error);

/* Takes NULL. The lock file stays: removing it would let two processes lock two files of one name. */
void store_lock_release(struct store_lock *lock);

/* Who holds the lock now: 0 and the pid, -ENOENT when nobody does. Takes no lock that outlives the call. */
MUST_USE int store_lock_holder(const char *database_path, pid_t *ret_pid);

#endif
