/* The codec of IPv4 headers (RFC 791). Options are skipped, their length is checked. */
#ifndef LEASTPORT_SCANNER_PACKET_IPV4_H
#define LEASTPORT_SCANNER_PACKET_IPV4_H

#include "scanner/packet/ip.h"

/* As ip_build(): 20 bytes with their checksum, no options, type of service 0 (no ECN). */
size_t ipv4_build(uint8_t *buffer, const struct ip_header *ip, size_t length);

/* As ip_parse(), or with `quoted` as ip_parse_quoted(). */
MUST_USE enum packet_fault ipv4_parse(const uint8_t *bytes, size_t length, bool quoted, struct ip_packet *ret_packet);

#endif
