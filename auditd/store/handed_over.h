/* Audits that the daemon has promised to do: they outlive it. */
#ifndef LEASTPORT_AUDITD_STORE_HANDED_OVER_H
#define LEASTPORT_AUDITD_STORE_HANDED_OVER_H

#include "auditd/store/store.h"

#include <jansson.h>

struct store_handed_over {
    int64_t id;
    char uuid[STORE_UUID_SIZE];
    json_t *request;
    char actor[160]; /* of the control socket */
    int64_t accepted_at;
    char scan_uuid[STORE_UUID_SIZE]; /* "" before its scan began */
};

/* `job`: its uuid, which is new. */
MUST_USE int store_handed_over_put(struct store *store, const char *job, const json_t *request, const char *actor,
                                   int64_t now_ms);

/* The same audit, as it is to be asked for should it be interrupted. */
MUST_USE int store_handed_over_change(struct store *store, const char *job, const json_t *request);
MUST_USE int store_handed_over_scan(struct store *store, const char *job, const char *scan_uuid);

/* It has ended, or nobody wants it any more. */
MUST_USE int store_handed_over_end(struct store *store, const char *job);

/* The first after that id, in the order in which they came. -ENOENT. The caller owns ret_audit->request, which is NULL
 * where what is stored is no JSON. */
MUST_USE int store_handed_over_next(struct store *store, int64_t after_id, struct store_handed_over *ret_audit);

#endif
