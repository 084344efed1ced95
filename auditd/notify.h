/* Tells the service manager how we are, as sd_notify(3) describes it: one datagram to $NOTIFY_SOCKET. */
#ifndef LEASTPORT_AUDITD_NOTIFY_H
#define LEASTPORT_AUDITD_NOTIFY_H

#include "lib/addr.h"

/* `state` is lines such as "READY=1"; `socket` the value of NOTIFY_SOCKET, a path or an abstract name after "@"; NULL
 * (nobody asked) is 0. -EINVAL or -ENAMETOOLONG for a name that is no socket's, else what sending said. */
MUST_USE int notify_send(const char *socket, const char *state);

#endif
