/* What clouds declared, as intervals: snapshots come in, and what stood at any moment comes out. Knows rows; what they
 * mean, auditd/cloud does. */
#ifndef LEASTPORT_AUDITD_STORE_CLOUD_H
#define LEASTPORT_AUDITD_STORE_CLOUD_H

#include "auditd/inventory/inventory.h"
#include "auditd/store/store.h"

#include <jansson.h>

struct store_cloud_read {
    const char *name; /* of the inventory that reads it */
    int64_t now_ms;   /* not before the last read's */
};

struct store_cloud_change {
    size_t records;
    size_t added;
    size_t changed;
    size_t gone;
    size_t unread; /* were there, and were not read now */
};

/* A snapshot (cloud_snapshot_of()), in one transaction: intervals of what is the same go on, others end or begin. */
MUST_USE int store_cloud_apply(struct store *store, const struct store_cloud_read *read, const json_t *snapshot,
                               struct store_cloud_change *ret_change);

/* One list as it stood: `records` as a snapshot has them, borrowed for the call. An error ends the walk. */
typedef int (*store_cloud_list)(void *context, const char *document, const char *list, bool whole,
                                const json_t *records);

/* All lists that were known at `at_ms`, or now when it is 0. -ENOENT when nothing was read of that name by then. */
MUST_USE int store_cloud_load(struct store *store, const char *name, int64_t at_ms, store_cloud_list take,
                              void *context);

/* The only source's name, for those who name none; NULL when there is none, or more than one. The caller frees it. */
MUST_USE int store_cloud_only(struct store *store, char **ret_name);

/* The realm's interfaces: {ENI: the id that its host has as an instance}. Those that had another asset, or are not in
 * it, are ended. Inside a transaction of its own. */
MUST_USE int store_cloud_interfaces(struct store *store, const char *realm, const json_t *interfaces, int64_t now_ms);

/* A realm's hosts before they are applied, and their public addresses: {ADDRESS: the id that its host has}. Borrowed.
 */
struct store_cloud_hosts {
    const struct inventory *inventory;
    json_t *publics;
};

/* A host that nothing is known of yet, and whose public address something was seen by in this realm, is that asset from
 * now on: before store_inventory_apply(). Inside a transaction of its own. */
MUST_USE int store_cloud_join(struct store *store, const char *realm, const struct store_cloud_hosts *hosts,
                              int64_t now_ms);

/* The realm's public addresses, after store_inventory_apply(): its hosts are known by them, too, and whoever had one
 * before is not any more. No scan of the inventory goes to them. Inside a transaction of its own. */
MUST_USE int store_cloud_publics(struct store *store, const char *realm, const json_t *publics, int64_t now_ms);

/* The realms of the inventories "NAME/REALM" that were read before, as an array of texts. A new reference. */
MUST_USE int store_cloud_realms(struct store *store, const char *name, json_t **ret_realms);

/* It was read well: what store_inventory_failed() said under its own name is over. */
MUST_USE int store_cloud_is_well(struct store *store, const char *name);

/* SQL: whether the cloud_record of that alias stands, as it was read last: it is there now, or it was when its list was
 * read last, which was not read to its end since, and nothing younger is known of it. */
#define STORE_CLOUD_STANDS(row)                                                                                        \
    "(" row ".valid_to IS NULL OR (" row ".end_reason = 'unread' AND NOT EXISTS (SELECT 1 FROM cloud_list w WHERE "    \
    "w.source_id = " row ".source_id AND w.document = " row ".document AND w.list = " row ".list AND w.valid_to IS "   \
    "NULL AND w.whole = 1) AND NOT EXISTS (SELECT 1 FROM cloud_record n WHERE n.source_id = " row                      \
    ".source_id AND n.document = " row ".document AND n.list = " row ".list AND n.key = " row                          \
    ".key AND n.valid_from > " row ".valid_from)))"

#endif
