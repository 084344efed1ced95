/* What a cloud's rules declare of an asset's ports: whether the internet reaches them. */
#ifndef LEASTPORT_AUDITD_FINDING_DECLARED_H
#define LEASTPORT_AUDITD_FINDING_DECLARED_H

#include "auditd/store/store.h"

struct declared;

/* As it stands now. The caller owns the result: declared_destroy(). The store's errors, -ENOMEM. */
MUST_USE int declared_load(struct store *store, int64_t asset_id, struct declared **ret_declared);
void declared_destroy(struct declared *declared);

/* "reachable", "conditional", "unknown", "blocked-return" or "blocked": by whichever of its addresses, and by whatever
 * balancer, more get in. NULL where no cloud is known to have it, and for NULL. Lives for ever. */
const char *declared_of(const struct declared *declared, bool is_udp, uint16_t port);

#endif
