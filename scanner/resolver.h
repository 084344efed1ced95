/* Host names to addresses, as a table of functions, so that tests need no DNS. */
#ifndef LEASTPORT_SCANNER_RESOLVER_H
#define LEASTPORT_SCANNER_RESOLVER_H

#include "lib/addr.h"

#include <stddef.h>

enum { RESOLVER_MAX_ADDRS = 256 };

struct resolver {
    /* Fills `addrs` (room for RESOLVER_MAX_ADDRS), each address once. 0, -ENOENT (the name has no address), -EAGAIN (no
     * answer now) or another -errno. */
    int (*resolve)(void *context, const char *name, struct addr *addrs, size_t *ret_count);
    void *context;
};

/* getaddrinfo(3): blocks, may ask DNS. */
struct resolver resolver_system(void);

#endif
