/* Ranges that the configuration calls ephemeral (autoscaling): which assets are of them, and which of those are gone.
 */
#ifndef LEASTPORT_AUDITD_EPHEMERAL_H
#define LEASTPORT_AUDITD_EPHEMERAL_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

/* Marks the assets that the scan looked at as ephemeral or not, by the address that it looked at; the narrowest range
 * that holds it decides. When the scan is complete, and its canary was not silent, it retires (store_asset_retire())
 * those that it found down, that nobody saw up for the range's retire_after, that another complete scan from there
 * missed since, and that no inventory has; in a range of which it saw nobody up it retires none. A
 * second call for a scan changes nothing. One transaction. How many were retired, else the store's errors. */
MUST_USE int ephemeral_settle(struct store *store, const struct config *config, const char *scan_uuid, int64_t now_ms);

#endif
