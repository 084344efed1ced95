/* What leastport-web may still do once it listens: read its files, talk with who connects and with auditd.
 * Capabilities, Landlock and seccomp, each enough by itself to keep it from writing the database. */
#ifndef LEASTPORT_WEB_SANDBOX_H
#define LEASTPORT_WEB_SANDBOX_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct sandbox {
    bool is_entered;
    unsigned landlock_abi; /* 0: this kernel has no Landlock */
};

enum sandbox_step { SANDBOX_CAPABILITIES, SANDBOX_LANDLOCK, SANDBOX_SECCOMP, SANDBOX_CHECK };

/* "giving up capabilities" and so on, for "… failed". */
const char *sandbox_step_name(enum sandbox_step step);

/* For good, for this thread and those that it makes: before any other is made. `files` are read from then on, now or
 * once they are there; what else lies in their folders, and in those of what they link to, may be read, too. Files
 * of root's that others may not read it may read on (CAP_DAC_READ_SEARCH), if it could. What was entered is tried
 * afterwards: -EIO when the first of the files could be opened for writing, or a raw socket be had. -errno with the
 * step in *ret_step. */
MUST_USE int sandbox_enter(const char *const *files, size_t count, enum sandbox_step *ret_step,
                           struct sandbox *ret_sandbox);

#endif
