/* What the cloud lets the internet do to an asset's ports, where no scan saw them open: claims, by the join of
 * policy/cloud_declared.h. A part of claim.c. */
#ifndef LEASTPORT_AUDITD_FINDING_CLAIM_DECLARED_H
#define LEASTPORT_AUDITD_FINDING_CLAIM_DECLARED_H

#include "auditd/finding/claim.h"

/* Appends. Ports of one rule that are in the same state are one claim, at the first of them. What is UNKNOWN is in
 * doubt. The store's errors, -ENOMEM. */
MUST_USE int claim_declared(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                            struct claims *claims);

#endif
