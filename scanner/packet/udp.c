#include "scanner/packet/udp.h"

#include "scanner/packet/checksum.h"
#include "scanner/packet/wire.h"

#include <assert.h>

size_t udp_build(uint8_t *buffer, const struct ip_header *ip, const struct udp_datagram *datagram)
{
    size_t size = UDP_HEADER_SIZE + datagram->length;
    uint64_t sum;

    assert(size <= UINT16_MAX);
    wire_put16(buffer, datagram->source_port);
    wire_put16(buffer + 2, datagram->destination_port);
    wire_put16(buffer + 4, (uint16_t)size);
    wire_put16(buffer + 6, 0);
    if (datagram->length > 0) {
        memcpy(buffer + UDP_HEADER_SIZE, datagram->payload, datagram->length);
    }
    sum = checksum_add(checksum_pseudo(ip, size), buffer, size);
    checksum_put(buffer + 6, udp_checksum_sent(checksum_finish(sum)));
    return size;
}

static bool checksum_right(const struct ip_packet *packet, size_t size)
{
    if (checksum_get(packet->payload + 6) == 0) {
        return !packet->header.is_ipv6;
    }
    return checksum_holds(checksum_add(checksum_pseudo(&packet->header, size), packet->payload, size));
}

enum packet_fault udp_parse(const struct ip_packet *packet, bool verify, struct udp_datagram *ret_datagram)
{
    const uint8_t *at = packet->payload;
    size_t size;

    if (packet->length < UDP_HEADER_SIZE) {
        return PACKET_TRUNCATED;
    }
    size = wire_get16(at + 4);
    if (size < UDP_HEADER_SIZE) {
        return PACKET_MALFORMED;
    }
    if (packet->length < size) {
        return PACKET_TRUNCATED;
    }
    if (verify && !checksum_right(packet, size)) {
        return PACKET_CHECKSUM;
    }
    *ret_datagram = (struct udp_datagram){
        .source_port = wire_get16(at),
        .destination_port = wire_get16(at + 2),
        .payload = at + UDP_HEADER_SIZE,
        .length = size - UDP_HEADER_SIZE,
    };
    return PACKET_FINE;
}
