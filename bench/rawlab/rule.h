/* Which hosts of the answering BPF program are there and which of their ports are open: one rule, from which the
 * program at the target's ingress answers and from which the truth is written. Plain arithmetic, so that both can
 * compile it. */
#ifndef LEASTPORT_BENCH_RAWLAB_RULE_H
#define LEASTPORT_BENCH_RAWLAB_RULE_H

#include <linux/types.h>

/* The finalizer of MurmurHash3 (public domain): neighbours become unrelated. Addresses are in host byte order. */
static inline __u32 rule_mix(__u32 address, __u32 salt)
{
    __u32 mixed = address ^ salt * 2654435761U;

    mixed = (mixed ^ mixed >> 16) * 0x85ebca6bU;
    mixed = (mixed ^ mixed >> 13) * 0xc2b2ae35U;
    return mixed ^ mixed >> 16;
}

/* One host in EXISTS_ONE_IN is there (1: all). */
static inline int rule_exists(__u32 address, __u32 exists_one_in)
{
    return rule_mix(address, 0) % exists_one_in == 0;
}

/* One port in OPEN_ONE_IN of the hosts that are there is open. */
static inline int rule_open(__u32 address, __u32 port, __u32 open_one_in)
{
    return rule_mix(address, port + 1) % open_one_in == 0;
}

#endif
