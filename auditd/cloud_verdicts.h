/* Keeps the stored verdicts those of the stored records: works out what the world reaches, and writes what differs. */
#ifndef LEASTPORT_AUDITD_CLOUD_VERDICTS_H
#define LEASTPORT_AUDITD_CLOUD_VERDICTS_H

#include "auditd/cloud/aws.h"
#include "auditd/store/cloud_verdict.h"

/* Nothing is asked where no record changed since. What was not read to its end is UNKNOWN and ends nothing. One
 * transaction. -EBADMSG when `aws` is no model, the store's errors, -ENOMEM. */
MUST_USE int cloud_verdicts_update(struct store *store, const char *name, struct aws *aws, int64_t now_ms,
                                   struct store_cloud_verdict_change *ret_change);

#endif
