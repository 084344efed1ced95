/* What this machine allows a scan: descriptors, ephemeral ports, room in its tables. Reads the kernel; judges nothing.
 */
#ifndef LEASTPORT_SCANNER_LIMITS_H
#define LEASTPORT_SCANNER_LIMITS_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A table of the kernel's and how full it is; `known` is false where there is none, or it cannot be read. */
struct limits_table {
    bool known;
    uint64_t used;
    uint64_t max;
};

struct limits {
    uint64_t descriptors_soft;
    uint64_t descriptors_hard;
    uint64_t descriptors_open;
    bool ports_known;
    uint32_t port_first;
    uint32_t port_last;
    struct limits_table conntrack;
    struct limits_table time_wait;
    bool raw_sockets; /* CAP_NET_RAW is effective */
};

/* What cannot be read is left as not known. -errno only when the descriptors' limit cannot be read. */
MUST_USE int limits_read(struct limits *ret_limits);

/* Raises the soft limit of descriptors to the hard one. -errno. */
MUST_USE int limits_raise_descriptors(void);

/* The connection tracking table alone: cheap enough for a few times a second. */
struct limits_table limits_conntrack(void);

/* Packets that connection tracking has dropped and connections that it gave up early, both for want of room, since this
 * machine (or namespace) began. False: not known. */
MUST_USE bool limits_conntrack_lost(uint64_t *ret_lost);

/* The same from what /proc/net/stat/nf_conntrack says: a line of names, then a line of hexadecimal numbers for each
 * processor. */
MUST_USE bool limits_parse_conntrack_lost(FILE *stream, uint64_t *ret_lost);

/* For how many seconds a SYN that nobody answers is tracked: 120 unless this machine says otherwise. */
uint64_t limits_conntrack_syn_sent_s(void);

#endif
