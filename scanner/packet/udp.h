/* The codec of UDP datagrams (RFC 768). */
#ifndef LEASTPORT_SCANNER_PACKET_UDP_H
#define LEASTPORT_SCANNER_PACKET_UDP_H

#include "scanner/packet/ip.h"

enum { UDP_HEADER_SIZE = 8 };

/* The payload is borrowed. */
struct udp_datagram {
    uint16_t source_port;
    uint16_t destination_port;
    const uint8_t *payload;
    size_t length;
};

/* Writes header, payload and checksum; returns how many bytes. */
size_t udp_build(uint8_t *buffer, const struct ip_header *ip, const struct udp_datagram *datagram);

/* A checksum that comes out as 0 is sent as all ones: 0 says that there is none. */
static inline uint16_t udp_checksum_sent(uint16_t checksum)
{
    return checksum == 0 ? UINT16_MAX : checksum;
}

/* `packet` is one of UDP; `verify` as in tcp_parse(). Over IPv4 a checksum of 0 means that there is none; over IPv6
 * there has to be one (RFC 8200, section 8.1). */
MUST_USE enum packet_fault udp_parse(const struct ip_packet *packet, bool verify, struct udp_datagram *ret_datagram);

#endif
