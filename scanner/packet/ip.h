/* IPv4 (RFC 791) and IPv6 (RFC 8200) as one: the headers that matter here, and the packet without them. The codecs of
 * either stand in ipv4.h and ipv6.h.
 *
 *     size_t length = tcp_build(packet + ip_header_size(&ip), &ip, &segment);
 *     length += ip_build(packet, &ip, length);
 *
 *     if (ip_parse(bytes, length, &packet) == PACKET_FINE && packet.header.protocol == IPPROTO_TCP) … */
#ifndef LEASTPORT_SCANNER_PACKET_IP_H
#define LEASTPORT_SCANNER_PACKET_IP_H

#include "scanner/packet/packet.h"

enum {
    IP_HEADER_SIZE = 20, /* IPv4, without options */
    IP6_HEADER_SIZE = 40,
    IP_TTL_SENT = 64, /* what Linux sends with, as hop limit too */
};

/* Addresses are borrowed: 4 or 16 bytes. A parser sets `id` and `dont_fragment` for IPv4, `flow_label` for IPv6. */
struct ip_header {
    const uint8_t *source;
    const uint8_t *destination;
    uint32_t flow_label; /* 20 bits */
    uint16_t id;
    uint8_t protocol; /* IPPROTO_TCP, …; of IPv6 the one that follows the extension headers */
    uint8_t ttl;      /* IPv6: hop limit */
    bool is_ipv6;
    bool dont_fragment;
};

/* `payload` begins with the transport header and ends where the IP header says: padding of the frame is left out. */
struct ip_packet {
    struct ip_header header;
    const uint8_t *payload;
    size_t length;
};

static inline size_t ip_header_size(const struct ip_header *ip)
{
    return ip->is_ipv6 ? IP6_HEADER_SIZE : IP_HEADER_SIZE;
}

/* Writes the header of a packet with `length` bytes of payload, and returns its size. */
size_t ip_build(uint8_t *buffer, const struct ip_header *ip, size_t length);

/* By the version in the first byte. */
MUST_USE enum packet_fault ip_parse(const uint8_t *bytes, size_t length, struct ip_packet *ret_packet);

/* The beginning of a packet, as an ICMP error quotes it: may end anywhere behind its IP header, and neither the IPv4
 * checksum (routers change what they quote) nor the length is held against it. */
MUST_USE enum packet_fault ip_parse_quoted(const uint8_t *bytes, size_t length, struct ip_packet *ret_packet);

#endif
