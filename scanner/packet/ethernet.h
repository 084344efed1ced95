/* The codec of Ethernet II frames, with up to two VLAN tags (IEEE 802.1Q) before the type. */
#ifndef LEASTPORT_SCANNER_PACKET_ETHERNET_H
#define LEASTPORT_SCANNER_PACKET_ETHERNET_H

#include "scanner/packet/packet.h"

enum { ETHERNET_ADDRESS_SIZE = 6, ETHERNET_HEADER_SIZE = 14 };

/* Addresses are borrowed, 6 bytes each. `type` is ETHERTYPE_IP, …: of what follows the tags. */
struct ethernet_header {
    const uint8_t *destination;
    const uint8_t *source;
    uint16_t type;
};

struct ethernet_frame {
    struct ethernet_header header;
    const uint8_t *payload; /* with the padding of short frames */
    size_t length;
};

/* Writes ETHERNET_HEADER_SIZE bytes, no tag, and returns that. */
size_t ethernet_build(uint8_t *buffer, const struct ethernet_header *header);

/* PACKET_MALFORMED for a frame of IEEE 802.3, which has a length in the type's place. */
MUST_USE enum packet_fault ethernet_parse(const uint8_t *bytes, size_t length, struct ethernet_frame *ret_frame);

#endif
