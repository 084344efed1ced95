/* A file that takes its name only when it is whole: written beside it, renamed at the end. Knows nothing of what is
 * written. */
#ifndef LEASTPORT_AUDITD_TARGET_H
#define LEASTPORT_AUDITD_TARGET_H

#include "lib/addr.h"

struct target;

/* "-" is standard output; a device, a pipe or a link is written in place, for renaming would destroy it. -errno, after
 * saying on stderr what cannot be written. The caller owns the result: target_commit() or target_abort(). */
MUST_USE int target_open(const char *path, struct target **ret_target);

/* To write to; borrowed. */
int target_fd(const struct target *target);
/* As a person calls it; borrowed. */
const char *target_name(const struct target *target);

/* Puts it on the disk under its name. -errno, after saying so; what was under the name before is then untouched. Ends
 * the target in any case. */
MUST_USE int target_commit(struct target *target);

/* Leaves what was under the name before. Takes NULL. */
void target_abort(struct target *target);

#endif
