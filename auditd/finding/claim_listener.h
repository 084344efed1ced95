/* Listeners of application load balancers that serve in clear what they could redirect. A part of claim.c. */
#ifndef LEASTPORT_AUDITD_FINDING_CLAIM_LISTENER_H
#define LEASTPORT_AUDITD_FINDING_CLAIM_LISTENER_H

#include "auditd/store/store.h"
#include "lib/portset.h"

/* The ports at which the balancer that the asset is a node of speaks HTTP and does not redirect all to HTTPS: by its
 * listeners' default actions and rules (ELBv2 API: DescribeListeners, DescribeRules), as they were read last. Of
 * several nodes the first interface alone has them, so that each is told once. The store's errors, -ENOMEM. */
MUST_USE int claim_listener_ports(struct store *store, int64_t asset_id, struct portset *ret_ports);

#endif
