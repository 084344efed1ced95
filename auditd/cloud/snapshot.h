/* What an account says at one moment, taken apart into records that can be compared with another moment's. Pure: knows
 * no file, no store. */
#ifndef LEASTPORT_AUDITD_CLOUD_SNAPSHOT_H
#define LEASTPORT_AUDITD_CLOUD_SNAPSHOT_H

#include "auditd/cloud/aws.h"

/* {DOCUMENT: {LIST: {"whole": BOOL, "records": {ID: RECORD}}}}. DOCUMENT is "" but for answers that do not say what
 * they are of (aws_take()); a list whose records have no ids is one record with the id "". Of two records with one id
 * the first counts. What changes although nobody changed it (RDS's latest time to restore to) is left out. NULL when
 * out of memory. A new reference; the records share what `aws` holds. */
json_t *cloud_snapshot_of(const struct aws *aws);

/* The way back: a list as one answer. `records` as above. -ENOMEM. */
MUST_USE int cloud_snapshot_take(struct aws *aws, const char *document, const char *list, bool whole,
                                 const json_t *records);

/* All of it. -EINVAL when it is no snapshot, -ENOMEM. */
MUST_USE int cloud_snapshot_unpack(struct aws *aws, const json_t *snapshot);

#endif
