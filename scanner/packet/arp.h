/* The codec of ARP for IPv4 over Ethernet (RFC 826). */
#ifndef LEASTPORT_SCANNER_PACKET_ARP_H
#define LEASTPORT_SCANNER_PACKET_ARP_H

#include "scanner/packet/packet.h"

enum { ARP_SIZE = 28, ARP_REQUEST = 1, ARP_REPLY = 2 };

/* Addresses are borrowed: 6 bytes of Ethernet, 4 of IPv4. */
struct arp_message {
    const uint8_t *sender_link;
    const uint8_t *sender;
    const uint8_t *target_link; /* a builder takes NULL as zeros: what a request asks for */
    const uint8_t *target;
    uint16_t operation;
};

/* Writes ARP_SIZE bytes, to stand behind an Ethernet header, and returns that. */
size_t arp_build(uint8_t *buffer, const struct arp_message *message);

/* PACKET_MALFORMED for other hardware, protocols and operations than request and reply. */
MUST_USE enum packet_fault arp_parse(const uint8_t *bytes, size_t length, struct arp_message *ret_message);

#endif
