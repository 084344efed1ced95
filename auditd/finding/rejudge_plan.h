/* What judging anew would change: verdicts beside the findings that are stored, both in one order, so that neither is
 * looked up. A part of rejudge.c; reads only. */
#ifndef LEASTPORT_AUDITD_FINDING_REJUDGE_PLAN_H
#define LEASTPORT_AUDITD_FINDING_REJUDGE_PLAN_H

#include "auditd/finding/life.h"
#include "auditd/finding/rejudge.h"
#include "auditd/finding/rejudge_altered.h"
#include "auditd/finding/survey.h"
#include "auditd/policy/checks.h"

struct rejudge_plan {
    struct store_port *ports; /* of which a finding begins or moves; owned */
    size_t count;
    size_t size;
    struct rejudge_altered *altered; /* findings of all other ports; owned */
    struct rejudge_result result;
};

/* Fills in the plan; with options->on_change tells of each. To be ended by rejudge_plan_done() in either case. */
MUST_USE int rejudge_plan_make(struct store *store, const struct rejudge_options *options, struct rejudge_plan *plan);
void rejudge_plan_done(struct rejudge_plan *plan);

/* Fills in what a change says of its finding's verdicts: NULL where there was none that counts, or will be none. Kind
 * and title stay as they are when neither is given. */
void rejudge_change_verdicts(struct rejudge_change *change, const struct verdict *was, const struct verdict *is);

#endif
