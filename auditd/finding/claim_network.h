/* What a cloud's rules claim of networks themselves: the flaws of auditd/reach/flaw.h. A part of claim.c. */
#ifndef LEASTPORT_AUDITD_FINDING_CLAIM_NETWORK_H
#define LEASTPORT_AUDITD_FINDING_CLAIM_NETWORK_H

#include "auditd/finding/claim.h"

/* Every network that is read now or was: one finding for each kind of flaw that it has. A network becomes an asset with
 * the first. Kinds of which something was not read stay as they were. Inside a transaction; as claim_asset(). */
MUST_USE int claim_networks(struct store *store, const struct claim_options *options);

#endif
