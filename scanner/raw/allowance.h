/* What a cloud's network lets an instance send and does not: counters of the network interface that rise when packets
 * above the instance's allowance are thrown away outside it (Amazon's ENA driver: pps_allowance_exceeded,
 * conntrack_allowance_exceeded, and others by that ending), read as ethtool -S does. */
#ifndef LEASTPORT_SCANNER_RAW_ALLOWANCE_H
#define LEASTPORT_SCANNER_RAW_ALLOWANCE_H

#include "lib/addr.h"

#include <net/if.h>
#include <stdint.h>

enum { ALLOWANCE_NAME = 32 }; /* ETH_GSTRING_LEN, with its NUL */

/* The SIOCETHTOOL call (ethtool's ioctl interface, linux/ethtool.h): 0 or -errno. */
typedef int allowance_call_fn(void *context, struct ifreq *request);

struct allowance_options {
    const char *interface;   /* borrowed for the call */
    allowance_call_fn *call; /* NULL: the kernel's */
    void *context;
};

struct allowance;

/* -EOPNOTSUPP when the interface has no such counter, others. The caller owns the result. */
MUST_USE int allowance_open(const struct allowance_options *options, struct allowance **ret_allowance);
void allowance_close(struct allowance *allowance);

/* Packets thrown away since it was opened, by all such counters together; what cannot be read now is as it was.
 * *ret_name is the counter that rose most, borrowed; NULL: none did. */
uint64_t allowance_exceeded(struct allowance *allowance, const char **ret_name);

#endif
