#include "scanner/packet/icmp.h"

#include "scanner/packet/checksum.h"
#include "scanner/packet/wire.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

/* ICMPv6 covers the pseudo-header too (RFC 4443, section 2.3). */
static uint64_t icmp_sum(const struct ip_header *ip, const uint8_t *bytes, size_t length)
{
    return checksum_add(ip->is_ipv6 ? checksum_pseudo(ip, length) : 0, bytes, length);
}

size_t icmp_build(uint8_t *buffer, const struct ip_header *ip, const struct icmp_message *message)
{
    size_t size = ICMP_HEADER_SIZE + message->length;

    buffer[0] = message->type;
    buffer[1] = message->code;
    wire_put16(buffer + 2, 0);
    wire_put32(buffer + 4, message->rest);
    if (message->length > 0) {
        memcpy(buffer + ICMP_HEADER_SIZE, message->body, message->length);
    }
    checksum_put(buffer + 2, checksum_finish(icmp_sum(ip, buffer, size)));
    return size;
}

enum packet_fault icmp_parse(const struct ip_packet *packet, bool verify, struct icmp_message *ret_message)
{
    const uint8_t *at = packet->payload;

    if (packet->length < ICMP_HEADER_SIZE) {
        return PACKET_TRUNCATED;
    }
    if (verify && !checksum_holds(icmp_sum(&packet->header, at, packet->length))) {
        return PACKET_CHECKSUM;
    }
    *ret_message = (struct icmp_message){
        .type = at[0],
        .code = at[1],
        .rest = wire_get32(at + 4),
        .body = at + ICMP_HEADER_SIZE,
        .length = packet->length - ICMP_HEADER_SIZE,
    };
    return PACKET_FINE;
}

bool icmp_is_error(bool is_ipv6, uint8_t type)
{
    if (is_ipv6) {
        return (type & ICMP6_INFOMSG_MASK) == 0;
    }
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

bool icmp_is_echo_reply(bool is_ipv6, uint8_t type)
{
    return type == (is_ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
}
