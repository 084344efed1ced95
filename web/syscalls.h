/* The system calls that a web server makes while it runs; the kernel refuses all others (seccomp(2)). */
#ifndef LEASTPORT_WEB_SYSCALLS_H
#define LEASTPORT_WEB_SYSCALLS_H

#include "lib/addr.h"

/* From here on, for this thread and those that it makes: files are opened for reading only (else EACCES), sockets are
 * UNIX stream sockets (auditd's), threads can be made and processes cannot, memory becomes no code, and what is not on
 * the list is EPERM: no program is run, no raw socket opened, nothing renamed, removed, traced or mounted. What is open
 * stays usable. Sets no_new_privs. -errno. */
MUST_USE int syscalls_confine(void);

#endif
