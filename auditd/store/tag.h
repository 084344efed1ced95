/* Tags of assets, by the source that says them. */
#ifndef LEASTPORT_AUDITD_STORE_TAG_H
#define LEASTPORT_AUDITD_STORE_TAG_H

#include "auditd/policy/host.h"
#include "auditd/store/store.h"

enum { STORE_TAGS_MAX = 128 };

struct host_tags {
    const struct host_tag *tags;
    size_t count;
};

/* The source's tags of the asset are these from now on, each key once; `source` as the schema has it. How many were
 * begun or ended, or an error. Inside a transaction. */
MUST_USE int store_tags_set(struct store *store, int64_t asset_id, const char *source, struct host_tags said,
                            int64_t at_ms);

/* What the asset is tagged with now, whoever says so; owned, texts too: store_tags_done(). */
MUST_USE int store_tags_load(struct store *store, int64_t asset_id, struct host_tag **ret_tags, size_t *ret_count);
void store_tags_done(struct host_tag *tags, size_t count);

#endif
