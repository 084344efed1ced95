#include "scanner/packet/checksum.h"

#include "scanner/packet/ip.h"

uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length)
{
    uint8_t last[2] = {0};
    uint32_t word;
    uint16_t half;

    while (length >= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        sum += word;
        bytes += sizeof(word);
        length -= sizeof(word);
    }
    if (length >= sizeof(half)) {
        memcpy(&half, bytes, sizeof(half));
        sum += half;
        bytes += sizeof(half);
        length -= sizeof(half);
    }
    if (length > 0) {
        last[0] = bytes[0];
        memcpy(&half, last, sizeof(half));
        sum += half;
    }
    return sum;
}

uint64_t checksum_pseudo(const struct ip_header *ip, size_t length)
{
    uint64_t sum = checksum_add16(checksum_add32(0, (uint32_t)length), ip->protocol);

    if (ip->is_ipv6) {
        return checksum_add_ipv6(checksum_add_ipv6(sum, ip->source), ip->destination);
    }
    return checksum_add_ipv4(checksum_add_ipv4(sum, ip->source), ip->destination);
}
