/* The store as an audit works on it: opened, its orphans ended, the policy entered. */
#ifndef LEASTPORT_AUDITD_DESK_H
#define LEASTPORT_AUDITD_DESK_H

#include "auditd/finding/rejudge.h"
#include "auditd/settings.h"
#include "auditd/store/store.h"

struct desk {
    struct store *store;
    int64_t policy_id;
    struct rejudge_result rejudged; /* by opening it; all 0: there was no reason to */
};

/* Says on stderr when it makes a new database. Scans that a crash left running become incomplete, so that they can go
 * on. On an error `ret_error` is filled in; the caller ends it with desk_close() otherwise. */
MUST_USE int desk_open(const struct settings *settings, struct desk *ret_desk, struct store_error *ret_error);

/* Brings the configuration's tags into the store, and judges all that is open anew when there is a reason for it:
 * another policy than the last one that judged, other tags, a rule that ended since. *ret_result is all 0 when there
 * was none. */
MUST_USE int desk_judge(const struct desk *desk, const struct settings *settings, struct rejudge_result *ret_result);

/* Whether a rule of the policy has ended since all was judged last, so that desk_judge() has a reason. */
MUST_USE int desk_rule_ended(const struct desk *desk, const struct settings *settings, bool *ret_ended);

void desk_close(struct desk *desk);

#endif
