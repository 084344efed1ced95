/* What of schedules outlives the daemon: up to when they were decided, whether they pause, and their runs. */
#ifndef LEASTPORT_AUDITD_STORE_SCHEDULE_H
#define LEASTPORT_AUDITD_STORE_SCHEDULE_H

#include "auditd/store/store.h"

enum { STORE_RUNS_KEPT = 1000 };

struct store_schedule {
    int64_t id;
    uint64_t seed;
    int64_t decided_until;
    bool is_paused;
};

/* The schedules of the configuration as it is now: those that are new, or whose `specs` (expression and zone) changed,
 * begin at `now_ms`; of others it is remembered that they are gone. `names` and `specs` have `count` items. In one
 * transaction. */
MUST_USE int store_schedules_enter(struct store *store, const char *const *names, const char *const *specs,
                                   size_t count, int64_t now_ms);

/* -ENOENT. */
MUST_USE int store_schedule_get(struct store *store, const char *name, struct store_schedule *ret_schedule);

/* What was due up to `until_ms` is decided. */
MUST_USE int store_schedule_decided(struct store *store, int64_t schedule_id, int64_t until_ms);

/* `actor` NULL: goes on. */
MUST_USE int store_schedule_pause(struct store *store, int64_t schedule_id, const char *actor, int64_t now_ms);

struct store_run {
    int64_t id;
    int64_t due_at;
    int64_t begin_at;
    bool is_running; /* else it waits */
    int64_t begun_at;
    char scan_uuid[STORE_UUID_SIZE]; /* "" before its scan began */
};

struct store_run_put {
    int64_t schedule_id;
    int64_t due_at;
    int64_t begin_at;
    const char *actor;
    const char *state; /* 'waiting', or one of the ends */
    const char *message;
};

/* -EEXIST when that run is there already. Of ended ones the newest STORE_RUNS_KEPT stay. */
MUST_USE int store_run_insert(struct store *store, const struct store_run_put *run);

/* The one that waits or runs. -ENOENT. */
MUST_USE int store_run_open(struct store *store, int64_t schedule_id, struct store_run *ret_run);

MUST_USE int store_run_begin(struct store *store, int64_t run_id, int64_t now_ms);
MUST_USE int store_run_scan(struct store *store, int64_t run_id, const char *scan_uuid);
/* An empty message leaves the one that is there. */
MUST_USE int store_run_end(struct store *store, int64_t run_id, const char *state, const char *message, int64_t now_ms);

#endif
