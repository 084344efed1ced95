/* This machine's own addresses, and what its listening TCP sockets are bound to. Reads the kernel; judges nothing. */
#ifndef LEASTPORT_SCANNER_OWN_H
#define LEASTPORT_SCANNER_OWN_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own;

/* The addresses of all interfaces (getifaddrs(3)) as they are now. -errno. The caller owns the result: own_destroy().
 */
MUST_USE int own_create(struct own **ret_own);
void own_destroy(struct own *own);

/* Borrowed until own_destroy(). */
const struct addr *own_addrs(const struct own *own, size_t *ret_count);
/* All of 127.0.0.0/8 is one's own. */
bool own_has(const struct own *own, const struct addr *addr);

/* Reads the listening sockets anew (/proc/net/tcp, tcp6). -ENOMEM; a file that is missing has no sockets. */
MUST_USE int own_read_listeners(struct own *own);
/* What the listener that answers on addr:port is bound to: the address itself, else a wildcard (an IPv6 wildcard counts
 * for IPv4 too). False when no listener is known. */
bool own_bound(const struct own *own, const struct addr *addr, uint16_t port, struct addr *ret_bound);

/* One line of such a file, for own_read_listeners() and tests: a listening socket's address and port. False for other
 * lines. */
bool own_parse_listener(const char *line, struct addr *ret_addr, uint16_t *ret_port);

#endif
