#include "scanner/packet/arp.h"

#include "scanner/packet/wire.h"

/* Hardware type 1, protocol type IPv4, addresses of 6 and 4 bytes. */
static const uint8_t arp_head[6] = {0x00, 0x01, 0x08, 0x00, 6, 4};

size_t arp_build(uint8_t *buffer, const struct arp_message *message)
{
    memset(buffer, 0, ARP_SIZE);
    memcpy(buffer, arp_head, sizeof(arp_head));
    wire_put16(buffer + 6, message->operation);
    memcpy(buffer + 8, message->sender_link, 6);
    memcpy(buffer + 14, message->sender, 4);
    if (message->target_link != NULL) {
        memcpy(buffer + 18, message->target_link, 6);
    }
    memcpy(buffer + 24, message->target, 4);
    return ARP_SIZE;
}

enum packet_fault arp_parse(const uint8_t *bytes, size_t length, struct arp_message *ret_message)
{
    uint16_t operation;

    if (length < ARP_SIZE) {
        return PACKET_TRUNCATED;
    }
    operation = wire_get16(bytes + 6);
    if (memcmp(bytes, arp_head, sizeof(arp_head)) != 0 || (operation != ARP_REQUEST && operation != ARP_REPLY)) {
        return PACKET_MALFORMED;
    }
    *ret_message = (struct arp_message){
        .sender_link = bytes + 8,
        .sender = bytes + 14,
        .target_link = bytes + 18,
        .target = bytes + 24,
        .operation = operation,
    };
    return PACKET_FINE;
}
