/* The codec of ICMP (RFC 792) and ICMPv6 (RFC 4443) messages: they share their layout, and differ in the types and in
 * what the checksum covers. Types are those of <netinet/ip_icmp.h> and <netinet/icmp6.h>. */
#ifndef LEASTPORT_SCANNER_PACKET_ICMP_H
#define LEASTPORT_SCANNER_PACKET_ICMP_H

#include "scanner/packet/ip.h"

enum { ICMP_HEADER_SIZE = 8 };

/* The body is borrowed. */
struct icmp_message {
    uint8_t type;
    uint8_t code;
    uint32_t rest; /* of the header; an echo has its identifier in the upper half, its sequence number in the lower */
    const uint8_t *body;
    size_t length;
};

/* ICMPv6 where `ip` is IPv6. Writes header, body and checksum; returns how many bytes. */
size_t icmp_build(uint8_t *buffer, const struct ip_header *ip, const struct icmp_message *message);

/* `packet` is one of ICMP over IPv4 or of ICMPv6 over IPv6; `verify` as in tcp_parse(). */
MUST_USE enum packet_fault icmp_parse(const struct ip_packet *packet, bool verify, struct icmp_message *ret_message);

/* An error carries the beginning of a packet: destination unreachable, time exceeded, parameter problem, packet too
 * big, source quench, redirect. */
bool icmp_is_error(bool is_ipv6, uint8_t type);
bool icmp_is_echo_reply(bool is_ipv6, uint8_t type);

#endif
