/* The socket that connections come in by. Knows no HTTP. */
#ifndef LEASTPORT_WEB_LISTENER_H
#define LEASTPORT_WEB_LISTENER_H

#include "lib/addr.h"

/* Port 0: the kernel chooses; *ret_port is the one that it has. The caller closes *ret_fd. -EADDRINUSE, -EADDRNOTAVAIL,
 * -EACCES, or another -errno. */
MUST_USE int listener_open(const struct addr *address, uint16_t port, uint16_t *ret_port, int *ret_fd);

#endif
