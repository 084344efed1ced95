/* The names under which this server may be asked: loopback's, and those that it was given, so that no foreign name that
 * resolves to 127.0.0.1 reads the findings through somebody's browser (DNS rebinding). */
#ifndef LEASTPORT_WEB_AUTHORITY_H
#define LEASTPORT_WEB_AUTHORITY_H

#include "lib/addr.h"

#include <stdbool.h>

/* A Host header's value: "localhost", "name.localhost" (RFC 6761), 127.0.0.0/8 or [::1], each with or without a port.
 */
bool authority_is_loopback(const char *host);

/* Names that this server was given. With some, addresses are names, too: nobody can point one somewhere else. */
struct authority_names {
    const char *const *names;
    size_t count;
};

/* Whether a Host header's value, with or without a port, is one of them, in any case, or an address. */
bool authority_is_named(const struct authority_names *names, const char *host);

/* "127.0.0.1:8480", "[::1]:8480", "localhost:8480"; port 0 lets the kernel choose. -EINVAL when it is no address
 * with a port. */
MUST_USE int authority_parse_listen(const char *text, struct addr *ret_addr, uint16_t *ret_port);

#endif
