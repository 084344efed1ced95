/* Which vantages looked at an asset's ports lately, whether they found one open or not. */
#ifndef LEASTPORT_AUDITD_FINDING_LOOKERS_H
#define LEASTPORT_AUDITD_FINDING_LOOKERS_H

#include "auditd/store/store.h"

struct lookers;
struct portset;

/* What the asset's coverage says of looks since `since_ms`. The caller owns the result: lookers_destroy(). */
MUST_USE int lookers_load(struct store *store, int64_t asset_id, int64_t since_ms, struct lookers **ret_lookers);
void lookers_destroy(struct lookers *lookers);

/* The ports at which the vantage looked; NULL: at none. Borrowed. */
const struct portset *lookers_ports(const struct lookers *lookers, int64_t vantage_id, bool is_udp);

bool lookers_has(const struct lookers *lookers, int64_t vantage_id, bool is_udp, uint16_t port);

#endif
