/* What the tests of the codecs above IP share: a captured packet is read, built again from what was read, cut off
 * anywhere, and has each of its bits flipped. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_PACKET_TRANSPORT_H
#define LEASTPORT_TESTS_UNIT_SCANNER_PACKET_TRANSPORT_H

#include "scanner/packet/ip.h"
#include "tests/unit/scanner/packet/captured.h"
#include "tests/unit/scanner/packet/exact.h"

/* The frame of that name without its Ethernet header; `packet` borrows `bytes`. */
static inline void transport_packet(const char *name, uint8_t bytes[CAPTURED_MAX], struct ip_packet *packet)
{
    size_t length = captured(name, bytes);

    assert(ip_parse(bytes + 14, length - 14, packet) == PACKET_FINE);
}

/* A codec's parser, its result thrown away. */
typedef enum packet_fault transport_parse(const struct ip_packet *packet);

/* Of a copy of the payload's first `length` bytes. */
static inline enum packet_fault transport_parse_copy(transport_parse *parse, struct ip_packet packet, size_t length)
{
    uint8_t *copy = exact_copy(packet.payload, length);
    enum packet_fault fault;

    packet.payload = copy;
    packet.length = length;
    fault = parse(&packet);
    exact_free(copy);
    return fault;
}

/* How many of the payload's bits can be flipped without the parser refusing it, and how many of its beginnings it
 * takes. */
static inline unsigned int transport_forgiven(transport_parse *parse, const char *name)
{
    uint8_t bytes[CAPTURED_MAX];
    struct ip_packet packet;
    unsigned int forgiven = 0;
    uint8_t *at;

    transport_packet(name, bytes, &packet);
    assert(parse(&packet) == PACKET_FINE);
    at = bytes + (packet.payload - bytes);
    for (size_t bit = 0; bit < 8 * packet.length; bit++) {
        at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        forgiven += transport_parse_copy(parse, packet, packet.length) == PACKET_FINE;
        at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t length = 0; length < packet.length; length++) {
        forgiven += transport_parse_copy(parse, packet, length) == PACKET_FINE;
    }
    return forgiven;
}

#endif
