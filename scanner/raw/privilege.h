/* What the process may still do once its raw sockets are open: nothing that a scan does not need. */
#ifndef LEASTPORT_SCANNER_RAW_PRIVILEGE_H
#define LEASTPORT_SCANNER_RAW_PRIVILEGE_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <stdbool.h>

/* CAP_NET_RAW is effective, and raw sockets can be opened in this network namespace. */
bool privilege_has_raw(void);

/* Gives up every capability for good (capabilities(7)), in the effective, permitted, inheritable and ambient sets and,
 * where it may, in the bounding set, and reads back that they are gone. A process of root's keeps CAP_DAC_OVERRIDE if
 * it had it, because its outputs may lie in another user's folder. Capabilities are a thread's own: to be called before
 * threads are made, which inherit what is left. Sets no_new_privs. -errno with *problem. */
MUST_USE int privilege_drop(struct problem *problem);

/* From here on the kernel refuses (EPERM) all but the system calls that a scan makes while it runs: no new socket (with
 * `connects` none but TCP's), no program, no tracing (seccomp(2)). Holds for threads made later. -errno with *problem.
 */
MUST_USE int privilege_confine(bool connects, struct problem *problem);

#endif
