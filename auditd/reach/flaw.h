/* What is wrong with a network's rules themselves, whoever they let in: entries that decide nothing, references to what
 * is gone, groups that nothing holds. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_FLAW_H
#define LEASTPORT_AUDITD_REACH_FLAW_H

#include "auditd/reach/model.h"

enum reach_flaw_kind { REACH_SHADOWED_RULE, REACH_DEAD_REFERENCE, REACH_UNUSED_GROUP, REACH_FLAW_KINDS };

enum { REACH_FLAW_TEXT = 320 };

/* Borrowed for the call. */
struct reach_flaw {
    enum reach_flaw_kind kind;
    uint32_t vpc;       /* by its place */
    const char *record; /* the id of the ACL, group or route table */
    const char *text;   /* what it says, and why that is wrong */
};

/* An error ends the walk. */
typedef int (*reach_flaw_fn)(void *context, const struct reach_flaw *flaw);

/* "shadowed-rule". */
const char *reach_flaw_name(enum reach_flaw_kind kind);

/* Whether the model can tell all flaws of that kind: what they depend on was read to its end. */
bool reach_flaw_is_known(const struct reach_model *model, enum reach_flaw_kind kind);

/* All flaws of VPCs that the model has, of the kinds that it can tell; those of one kind by record. -ENOMEM. */
MUST_USE int reach_flaws(const struct reach_model *model, reach_flaw_fn tell, void *context);

#endif
