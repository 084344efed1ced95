#include "scanner/packet/ipv4.h"

#include "scanner/packet/checksum.h"
#include "scanner/packet/wire.h"

#include <assert.h>

enum { IPV4_DONT_FRAGMENT = 0x4000, IPV4_MORE_OR_OFFSET = 0x3fff };

size_t ipv4_build(uint8_t *buffer, const struct ip_header *ip, size_t length)
{
    assert(length <= UINT16_MAX - IP_HEADER_SIZE);
    memset(buffer, 0, IP_HEADER_SIZE);
    buffer[0] = 0x45;
    wire_put16(buffer + 2, (uint16_t)(IP_HEADER_SIZE + length));
    wire_put16(buffer + 4, ip->id);
    wire_put16(buffer + 6, ip->dont_fragment ? IPV4_DONT_FRAGMENT : 0);
    buffer[8] = ip->ttl;
    buffer[9] = ip->protocol;
    memcpy(buffer + 12, ip->source, 4);
    memcpy(buffer + 16, ip->destination, 4);
    checksum_put(buffer + 10, checksum_finish(checksum_add(0, buffer, IP_HEADER_SIZE)));
    return IP_HEADER_SIZE;
}

static void ipv4_read(const uint8_t *bytes, size_t header, size_t end, struct ip_packet *ret_packet)
{
    *ret_packet = (struct ip_packet){
        .header = {.source = bytes + 12,
                   .destination = bytes + 16,
                   .id = wire_get16(bytes + 4),
                   .protocol = bytes[9],
                   .ttl = bytes[8],
                   .dont_fragment = (wire_get16(bytes + 6) & IPV4_DONT_FRAGMENT) != 0},
        .payload = bytes + header,
        .length = end - header,
    };
}

enum packet_fault ipv4_parse(const uint8_t *bytes, size_t length, bool quoted, struct ip_packet *ret_packet)
{
    size_t header;
    size_t total;

    if (length < IP_HEADER_SIZE) {
        return PACKET_TRUNCATED;
    }
    header = (size_t)(bytes[0] & 0x0f) * 4;
    total = wire_get16(bytes + 2);
    if (bytes[0] >> 4 != 4 || header < IP_HEADER_SIZE || (!quoted && total < header)) {
        return PACKET_MALFORMED;
    }
    if (length < header || (!quoted && length < total)) {
        return PACKET_TRUNCATED;
    }
    if (!quoted && !checksum_holds(checksum_add(0, bytes, header))) {
        return PACKET_CHECKSUM;
    }
    if ((wire_get16(bytes + 6) & IPV4_MORE_OR_OFFSET) != 0) {
        return PACKET_FRAGMENT;
    }
    ipv4_read(bytes, header, quoted ? length : total, ret_packet);
    return PACKET_FINE;
}
