#include "scanner/packet/ip.h"

#include "scanner/packet/ipv4.h"
#include "scanner/packet/ipv6.h"

size_t ip_build(uint8_t *buffer, const struct ip_header *ip, size_t length)
{
    return ip->is_ipv6 ? ipv6_build(buffer, ip, length) : ipv4_build(buffer, ip, length);
}

static enum packet_fault ip_read(const uint8_t *bytes, size_t length, bool quoted, struct ip_packet *ret_packet)
{
    if (length == 0) {
        return PACKET_TRUNCATED;
    }
    switch (bytes[0] >> 4) {
    case 4:
        return ipv4_parse(bytes, length, quoted, ret_packet);
    case 6:
        return ipv6_parse(bytes, length, quoted, ret_packet);
    default:
        return PACKET_MALFORMED;
    }
}

enum packet_fault ip_parse(const uint8_t *bytes, size_t length, struct ip_packet *ret_packet)
{
    return ip_read(bytes, length, false, ret_packet);
}

enum packet_fault ip_parse_quoted(const uint8_t *bytes, size_t length, struct ip_packet *ret_packet)
{
    return ip_read(bytes, length, true, ret_packet);
}
