/* What people decide about findings, and when it ends: the column disposition. Moves, waivers and log stay together;
 * all inside a transaction of the caller's. */
#ifndef LEASTPORT_AUDITD_FINDING_DISPOSITION_H
#define LEASTPORT_AUDITD_FINDING_DISPOSITION_H

#include "auditd/store/finding.h"
#include "auditd/store/waiver.h"

/* Whether there is anything to decide: its presence counts, and it is not RETIRED. */
bool disposition_counts(const struct stored_finding *finding);

/* From NONE; keeps its penalty. 1, 0 for one that is acknowledged already, -EPERM for one that is waived. */
MUST_USE int disposition_acknowledge(struct store *store, struct stored_finding *finding,
                                     const struct store_event *event);

/* From any; a waiver that it has gives way, which is logged too. `terms->at_ms` and `actor` are the event's. 1. */
MUST_USE int disposition_waive(struct store *store, struct stored_finding *finding,
                               const struct store_waiver_terms *terms);

/* Back to NONE, and its waiver ends. 1, or 0 for one that was NONE. `event` as store_finding_disposition() takes it. */
MUST_USE int disposition_reopen(struct store *store, struct stored_finding *finding, const struct store_event *event);

/* What was accepted holds no longer: waivers at their end, exposures that are wider than what was accepted, ports where
 * another service answers. All these are open again; then waivers by rule cover what is new and within them. Adds to
 * *moved how many events of disposition it wrote. `scan_id` 0: no scan brought it about. */
MUST_USE int disposition_enforce(struct store *store, int64_t now_ms, int64_t scan_id, uint64_t *moved);

/* Whether disposition_enforce() would end something by the time alone. Cheap. */
MUST_USE int disposition_is_due(struct store *store, int64_t now_ms, bool *ret_due);

#endif
