/* Scans that ended early and can go on from their checkpoint. */
#ifndef LEASTPORT_AUDITD_STORE_RESUME_H
#define LEASTPORT_AUDITD_STORE_RESUME_H

#include "auditd/store/store.h"

struct store_resume {
    char uuid[STORE_UUID_SIZE];
    char *plan; /* JSON, as the scan began with it */
    int64_t started_at;
    int64_t slabs_done;
    int64_t slabs_total;
};

/* Remembers what was asked of a scan: `key` is equal for equal requests. -ENOENT for an unknown scan. */
MUST_USE int store_resume_put(struct store *store, const char *scan_uuid, const char *key);

/* The newest scan of that key, if it ended early (by an error: not before its first slab was stored) and began at or
 * after `since_ms`; -ENOENT when there is none, or when a later one of that key was complete. End it with
 * store_resume_done(). */
MUST_USE int store_resume_find(struct store *store, const char *key, int64_t since_ms, struct store_resume *ret_resume);
void store_resume_done(struct store_resume *resume);

#endif
