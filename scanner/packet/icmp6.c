#include "scanner/packet/icmp6.h"

#include "scanner/packet/wire.h"

#include <netinet/icmp6.h>

enum { TARGET_SIZE = 16, OPTION_UNIT = 8, OPTION_LINK_SIZE = 8 };

static const uint32_t flag_router = UINT32_C(1) << 31;
static const uint32_t flag_solicited = UINT32_C(1) << 30;
static const uint32_t flag_override = UINT32_C(1) << 29;

size_t icmp6_build(uint8_t *buffer, const struct ip_header *ip, const struct icmp6_neighbour *neighbour)
{
    uint8_t body[TARGET_SIZE + OPTION_LINK_SIZE];
    struct icmp_message message = {
        .type = neighbour->advertisement ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT,
        .rest = (neighbour->router ? flag_router : 0) | (neighbour->solicited ? flag_solicited : 0) |
                (neighbour->override ? flag_override : 0),
        .body = body,
        .length = TARGET_SIZE,
    };

    memcpy(body, neighbour->target, TARGET_SIZE);
    if (neighbour->link != NULL) {
        body[TARGET_SIZE] = neighbour->advertisement ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR;
        body[TARGET_SIZE + 1] = OPTION_LINK_SIZE / OPTION_UNIT;
        memcpy(body + TARGET_SIZE + 2, neighbour->link, 6);
        message.length += OPTION_LINK_SIZE;
    }
    return icmp_build(buffer, ip, &message);
}

/* The link-layer address among the options, NULL when there is none; an option without a length spoils the packet. */
static enum packet_fault find_link(const uint8_t *options, size_t left, uint8_t type, const uint8_t **ret_link)
{
    const uint8_t *link = NULL;

    while (left > 0) {
        size_t size = left < 2 ? 0 : (size_t)options[1] * OPTION_UNIT;
        if (size == 0) {
            return PACKET_MALFORMED;
        }
        if (size > left) {
            return PACKET_TRUNCATED;
        }
        if (options[0] == type && size == OPTION_LINK_SIZE && link == NULL) {
            link = options + 2;
        }
        options += size;
        left -= size;
    }
    *ret_link = link;
    return PACKET_FINE;
}

static bool is_unspecified(const uint8_t *address)
{
    static const uint8_t zeros[16];

    return memcmp(address, zeros, sizeof(zeros)) == 0;
}

/* The rules of RFC 4861, section 7.1, that do not concern lengths. */
static bool is_sound(const struct ip_header *ip, const struct icmp6_neighbour *neighbour)
{
    if (neighbour->target[0] == 0xff) {
        return false;
    }
    if (neighbour->advertisement) {
        return !(neighbour->solicited && ip->destination[0] == 0xff);
    }
    return !(neighbour->link != NULL && is_unspecified(ip->source));
}

enum packet_fault icmp6_parse(const struct ip_packet *packet, bool verify, struct icmp6_neighbour *ret_neighbour)
{
    struct icmp6_neighbour neighbour = {0};
    struct icmp_message message;
    enum packet_fault fault = icmp_parse(packet, verify, &message);

    if (fault != PACKET_FINE) {
        return fault;
    }
    neighbour.advertisement = message.type == ND_NEIGHBOR_ADVERT;
    if ((message.type != ND_NEIGHBOR_SOLICIT && !neighbour.advertisement) || message.code != 0 ||
        packet->header.ttl != ICMP6_HOP_LIMIT || !packet->header.is_ipv6) {
        return PACKET_MALFORMED;
    }
    if (message.length < TARGET_SIZE) {
        return PACKET_TRUNCATED;
    }
    neighbour.target = message.body;
    neighbour.router = (message.rest & flag_router) != 0 && neighbour.advertisement;
    neighbour.solicited = (message.rest & flag_solicited) != 0 && neighbour.advertisement;
    neighbour.override = (message.rest & flag_override) != 0 && neighbour.advertisement;
    fault = find_link(message.body + TARGET_SIZE, message.length - TARGET_SIZE,
                      neighbour.advertisement ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR, &neighbour.link);
    if (fault == PACKET_FINE && !is_sound(&packet->header, &neighbour)) {
        fault = PACKET_MALFORMED;
    }
    if (fault == PACKET_FINE) {
        *ret_neighbour = neighbour;
    }
    return fault;
}

void icmp6_solicited_node(const uint8_t *target, uint8_t *ret_address, uint8_t *ret_link)
{
    static const uint8_t address[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};
    static const uint8_t link[3] = {0x33, 0x33, 0xff};

    memcpy(ret_address, address, sizeof(address));
    memcpy(ret_address + sizeof(address), target + 13, 3);
    memcpy(ret_link, link, sizeof(link));
    memcpy(ret_link + sizeof(link), target + 13, 3);
}
