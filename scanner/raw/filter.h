/* The filter that the kernel runs on each frame for us: it lets in only what can answer a probe, so that neither a busy
 * machine's own traffic nor RSTs of others reach the reader. Classic BPF (McCanne & Jacobson, "The BSD Packet Filter",
 * USENIX 1993; the kernel's Documentation/networking/filter.rst). Pure. */
#ifndef LEASTPORT_SCANNER_RAW_FILTER_H
#define LEASTPORT_SCANNER_RAW_FILTER_H

#include "scanner/raw/link.h"

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX = 64 };

/* For a tap of one ethertype (ETH_P_IP, ETH_P_IPV6, ETH_P_ARP), whose frames have `base` bytes before the network
 * header: those of Ethernet, which name it, or none. Returns the number of instructions. Lets in: TCP to our ports with
 * SYN or RST set, UDP to our ports, ICMP that is an error or an echo reply, the same of IPv6 with neighbour
 * advertisements, ARP replies
 * and announcements; and IPv6 with extension headers, because BPF knows no loops. Fragments but the first
 * carry no ports and stay out. */
size_t filter_build(const struct link_filter *wanted, uint16_t ethertype, uint32_t base,
                    struct sock_filter program[FILTER_MAX]);

#endif
