/* Ends the resets that answer our probes at the interface's ingress, when the taps have seen them. Nobody else waits
 * for them: this machine's IP would look for the way and the socket of each, verify it and drop it, which costs an
 * eighth of all processor time of a scan. By an eBPF program behind a link of the kernel's (tcx, Linux 6.6), which is
 * gone with its descriptor, so also after `kill -9`. A tap of one ethertype comes behind the ingress; only one that
 * sees all protocols (ETH_P_ALL) is asked before it. */
#ifndef LEASTPORT_SCANNER_RAW_INGRESS_H
#define LEASTPORT_SCANNER_RAW_INGRESS_H

#include "lib/addr.h"
#include "scanner/raw/link.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

enum { INGRESS_MAX = 128, INGRESS_ADDRS_MAX = 8 };

/* The program: frames with an Ethernet header that hold a TCP reset to one of these ports of one of these addresses
 * (at most INGRESS_ADDRS_MAX) end; all else goes on, as do fragments and what has options or extension headers. Returns
 * the number of instructions. Pure. */
size_t ingress_build(uint16_t first_port, uint16_t last_port, const struct addr *own, size_t count,
                     struct bpf_insn program[INGRESS_MAX]);

/* A descriptor, to be closed. Waits for the kernel's readers (RCU). -EPERM without CAP_NET_ADMIN and CAP_BPF;
 * -EOPNOTSUPP where the interface forwards, because a port of ours may be another's behind address translation there;
 * -EINVAL and others of kernels that have none of it. All of them mean only that this machine's IP does it. */
MUST_USE int ingress_open(const struct link_options *options);

#endif
