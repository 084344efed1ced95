/* Brings into the store what the configuration says of targets (tags, names) and of where its vantage stands. */
#ifndef LEASTPORT_AUDITD_LABELS_H
#define LEASTPORT_AUDITD_LABELS_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

/* The living assets of the configuration's realm have its tags from now on, and no others of the source
 * 'configuration'. Of several targets that mean an asset, the narrowest decides about each key. Does nothing for
 * defaults that nobody wrote. 1 when a tag changed, 0 when none did, else the store's errors. One transaction. */
MUST_USE int labels_apply(struct store *store, const struct config *config, int64_t now_ms);

/* Where the vantage of that name stands, if the configuration says so. */
MUST_USE int labels_stand(struct store *store, const struct config *config, const char *name, int64_t now_ms);

#endif
