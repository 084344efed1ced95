/* The codec of IPv6 headers (RFC 8200). Extension headers are walked, at most IPV6_EXTENSIONS_MAX of them. */
#ifndef LEASTPORT_SCANNER_PACKET_IPV6_H
#define LEASTPORT_SCANNER_PACKET_IPV6_H

#include "scanner/packet/ip.h"

enum { IPV6_EXTENSIONS_MAX = 8 };

/* As ip_build(): 40 bytes, traffic class 0 (no ECN), no extension header. */
size_t ipv6_build(uint8_t *buffer, const struct ip_header *ip, size_t length);

/* As ip_parse(), or with `quoted` as ip_parse_quoted(). Hop-by-hop, routing, destination and authentication headers are
 * skipped. A routing header that has not reached its end is malformed here: the packet's destination is not its last.
 * Any fragment but the atomic one, which is a whole packet (RFC 6946), is PACKET_FRAGMENT. */
MUST_USE enum packet_fault ipv6_parse(const uint8_t *bytes, size_t length, bool quoted, struct ip_packet *ret_packet);

#endif
