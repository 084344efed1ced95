/* Managed databases that more than their applications' groups may reach. A part of claim.c. */
#ifndef LEASTPORT_AUDITD_FINDING_CLAIM_DATABASE_H
#define LEASTPORT_AUDITD_FINDING_CLAIM_DATABASE_H

#include "auditd/finding/claim.h"

/* Appends a claim for each port at which the asset, where it is the interface of an RDS or ElastiCache one, lets in
 * anything but single addresses and groups of which nobody is a member without being put there: a range, a prefix list,
 * the VPC's default group. By the groups that the interface holds, and the databases that hold no other (RDS API:
 * DescribeDBInstances, DescribeDBClusters; ElastiCache API: DescribeCacheClusters), as they were read last; neither
 * says which interface is its own. What was never read is in doubt. The store's errors, -ENOMEM. */
MUST_USE int claim_database(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                            struct claims *claims);

#endif
