#include "scanner/packet/ethernet.h"

#include "scanner/packet/wire.h"

#include <net/ethernet.h>

enum {
    ETHERNET_TYPE_LEAST = 0x0600,
    ETHERNET_TAG_SIZE = 4,
    ETHERNET_TAGS_MAX = 2,
    ETHERNET_TYPE_SERVICE_VLAN = 0x88a8
};

size_t ethernet_build(uint8_t *buffer, const struct ethernet_header *header)
{
    memcpy(buffer, header->destination, ETHERNET_ADDRESS_SIZE);
    memcpy(buffer + ETHERNET_ADDRESS_SIZE, header->source, ETHERNET_ADDRESS_SIZE);
    wire_put16(buffer + ETHERNET_HEADER_SIZE - 2, header->type);
    return ETHERNET_HEADER_SIZE;
}

enum packet_fault ethernet_parse(const uint8_t *bytes, size_t length, struct ethernet_frame *ret_frame)
{
    size_t size = ETHERNET_HEADER_SIZE;
    uint16_t type;

    if (length < size) {
        return PACKET_TRUNCATED;
    }
    type = wire_get16(bytes + size - 2);
    for (int tags = 0; tags < ETHERNET_TAGS_MAX && (type == ETHERTYPE_VLAN || type == ETHERNET_TYPE_SERVICE_VLAN);
         tags++) {
        size += ETHERNET_TAG_SIZE;
        if (length < size) {
            return PACKET_TRUNCATED;
        }
        type = wire_get16(bytes + size - 2);
    }
    if (type < ETHERNET_TYPE_LEAST) {
        return PACKET_MALFORMED;
    }
    *ret_frame = (struct ethernet_frame){
        .header = {.destination = bytes, .source = bytes + ETHERNET_ADDRESS_SIZE, .type = type},
        .payload = bytes + size,
        .length = length - size,
    };
    return PACKET_FINE;
}
