/* The codec of neighbour solicitations and advertisements with their link-layer address option (RFC 4861, sections 4.3,
 * 4.4 and 4.6.1), for Ethernet. */
#ifndef LEASTPORT_SCANNER_PACKET_ICMP6_H
#define LEASTPORT_SCANNER_PACKET_ICMP6_H

#include "scanner/packet/icmp.h"

enum {
    ICMP6_NEIGHBOUR_SIZE = 32, /* with the option */
    ICMP6_HOP_LIMIT = 255,     /* anything less came through a router, and is refused */
};

/* Addresses are borrowed: 16 bytes of IPv6, 6 of Ethernet. */
struct icmp6_neighbour {
    const uint8_t *target;
    const uint8_t *link; /* the source's in a solicitation, the target's in an advertisement; NULL: not said */
    bool advertisement;  /* else a solicitation */
    bool router;         /* these three of an advertisement only */
    bool solicited;
    bool override;
};

/* The message behind its IPv6 header, which should have ICMP6_HOP_LIMIT; returns how many bytes. */
size_t icmp6_build(uint8_t *buffer, const struct ip_header *ip, const struct icmp6_neighbour *neighbour);

/* Refuses as PACKET_MALFORMED what is neither of the two messages, and what RFC 4861, section 7.1, has dropped. */
MUST_USE enum packet_fault icmp6_parse(const struct ip_packet *packet, bool verify,
                                       struct icmp6_neighbour *ret_neighbour);

/* Where a solicitation for `target` goes: the multicast address of 16 bytes (RFC 4291, section 2.7.1) and the Ethernet
 * address of 6 (RFC 2464, section 7). */
void icmp6_solicited_node(const uint8_t *target, uint8_t *ret_address, uint8_t *ret_link);

#endif
