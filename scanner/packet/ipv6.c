#include "scanner/packet/ipv6.h"

#include "scanner/packet/wire.h"

#include <assert.h>

enum { IPV6_FRAGMENT_SIZE = 8, IPV6_FRAGMENT_MORE_OR_OFFSET = 0xfff9 };

size_t ipv6_build(uint8_t *buffer, const struct ip_header *ip, size_t length)
{
    assert(length <= UINT16_MAX && ip->flow_label >> 20 == 0);
    wire_put32(buffer, UINT32_C(6) << 28 | ip->flow_label);
    wire_put16(buffer + 4, (uint16_t)length);
    buffer[6] = ip->protocol;
    buffer[7] = ip->ttl;
    memcpy(buffer + 8, ip->source, 16);
    memcpy(buffer + 24, ip->destination, 16);
    return IP6_HEADER_SIZE;
}

static bool is_extension(uint8_t protocol)
{
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
           protocol == IPPROTO_AH || protocol == IPPROTO_FRAGMENT;
}

/* Their length is said in units of 8 bytes less one; the authentication header's in units of 4 less two (RFC 4302). */
static size_t extension_size(uint8_t protocol, const uint8_t *at)
{
    if (protocol == IPPROTO_FRAGMENT) {
        return IPV6_FRAGMENT_SIZE;
    }
    return protocol == IPPROTO_AH ? ((size_t)at[1] + 2) * 4 : ((size_t)at[1] + 1) * 8;
}

static enum packet_fault skip_extension(struct ip_packet *packet)
{
    uint8_t protocol = packet->header.protocol;
    const uint8_t *at = packet->payload;
    size_t size;

    if (packet->length < 8) {
        return PACKET_TRUNCATED;
    }
    size = extension_size(protocol, at);
    if (packet->length < size) {
        return PACKET_TRUNCATED;
    }
    if (protocol == IPPROTO_FRAGMENT && (wire_get16(at + 2) & IPV6_FRAGMENT_MORE_OR_OFFSET) != 0) {
        return PACKET_FRAGMENT;
    }
    if (protocol == IPPROTO_ROUTING && at[3] != 0) {
        return PACKET_MALFORMED;
    }
    packet->header.protocol = at[0];
    packet->payload += size;
    packet->length -= size;
    return PACKET_FINE;
}

static enum packet_fault skip_extensions(struct ip_packet *packet)
{
    for (int count = 0; is_extension(packet->header.protocol); count++) {
        enum packet_fault fault = count == IPV6_EXTENSIONS_MAX ? PACKET_MALFORMED : skip_extension(packet);
        if (fault != PACKET_FINE) {
            return fault;
        }
    }
    return PACKET_FINE;
}

enum packet_fault ipv6_parse(const uint8_t *bytes, size_t length, bool quoted, struct ip_packet *ret_packet)
{
    struct ip_packet packet;
    enum packet_fault fault;
    size_t said;

    if (length < IP6_HEADER_SIZE) {
        return PACKET_TRUNCATED;
    }
    if (bytes[0] >> 4 != 6) {
        return PACKET_MALFORMED;
    }
    said = wire_get16(bytes + 4);
    if (!quoted && length - IP6_HEADER_SIZE < said) {
        return PACKET_TRUNCATED;
    }
    packet = (struct ip_packet){
        .header = {.source = bytes + 8,
                   .destination = bytes + 24,
                   .flow_label = wire_get32(bytes) & 0xfffff,
                   .protocol = bytes[6],
                   .ttl = bytes[7],
                   .is_ipv6 = true},
        .payload = bytes + IP6_HEADER_SIZE,
        .length = quoted ? length - IP6_HEADER_SIZE : said,
    };
    fault = skip_extensions(&packet);
    if (fault == PACKET_FINE) {
        *ret_packet = packet;
    }
    return fault;
}
