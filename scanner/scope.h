/* The guard at the single place where probes are sent: may this address be probed? Pure, and cheap: all
 * lists are one table of what they let through, and only who is not in it is held against each of them. */
#ifndef LEASTPORT_SCANNER_SCOPE_H
#define LEASTPORT_SCANNER_SCOPE_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct scope_options {
    /* What may be probed; with count 0 the default: loopback, RFC 1918, RFC 4193, link-local and `own`. */
    const struct prefix *allowed;
    size_t allowed_count;
    /* This machine's own addresses (getifaddrs(3)); they count only for the default. */
    const struct addr *own;
    size_t own_count;
    /* Fragile hosts: refused whatever `allowed` says. */
    const struct prefix *never;
    size_t never_count;
};

struct scope;

/* Addresses that are no host's and that no flag makes one. Some lead past every list: connecting to the unspecified
 * address reaches this machine (RFC 1122, 3.2.1.3; connect(2) of Linux), and to an IPv4-mapped one (RFC 4291, 2.5.5.2)
 * the IPv4 host. */
struct scope_hostless {
    struct prefix prefix;
    const char *hint; /* what it is, and what to write instead */
};

/* Row `index` of the table, NULL past its end. */
const struct scope_hostless *scope_hostless_at(size_t index);
/* The row that holds the address, or NULL. */
const struct scope_hostless *scope_hostless_find(const struct addr *addr);

/* -ENOMEM. Copies all. The caller owns the result: scope_destroy(). */
MUST_USE int scope_create(const struct scope_options *options, struct scope **ret_scope);
void scope_destroy(struct scope *scope);

/* From now on refuses the addresses of options->never too, and with allowed_count > 0 all that options->allowed does
 * not have; what was refused before stays so. `own` does not count. At most once. -ENOMEM, and then nothing may be
 * sent. */
MUST_USE int scope_narrow(struct scope *scope, const struct scope_options *options);

/* 0: go ahead. -EPERM: outside the scope, or no host's address. -EACCES: on the never-scan list, which no flag
 * overrides. For every single probe; *problem (may be NULL) names the address and the line that would allow it. */
MUST_USE int scope_permits(const struct scope *scope, const struct addr *addr, struct problem *problem);

/* The same for all of first..last at once, without walking it: -EPERM and a problem that names the first address
 * outside. The never-scan list and scope_narrow() do not count here: a plan leaves its addresses out, a resume skips.
 */
MUST_USE int scope_permits_range(const struct scope *scope, const struct addr *first, const struct addr *last,
                                 struct problem *problem);

#endif
