/* Landlock (landlock(7)): which files this process may still open, whoever its user is. Knows nothing of what it is
 * for.
 */
#ifndef LEASTPORT_WEB_LANDLOCK_H
#define LEASTPORT_WEB_LANDLOCK_H

#include "lib/addr.h"

#include <stddef.h>

/* From here on this thread, and those that it makes, may read what lies beneath `folders` and nothing else: open no
 * other file, write to, make, rename or remove none, run none, bind or connect no TCP socket, signal no process
 * outside. What is open stays usable. A folder that is not there is passed over. *ret_abi is the version of what the
 * kernel enforces, 0 with nothing enforced when it has no Landlock. Older versions leave out: before 2 moving files
 * between folders is refused anyway, before 3 truncating is not, before 4 TCP, before 6 signals. Sets no_new_privs.
 * -errno. */
MUST_USE int landlock_enter(const char *const *folders, size_t count, unsigned *ret_abi);

#endif
