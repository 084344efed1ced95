/* The internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 *     sum = checksum_add(checksum_pseudo(&ip, length), bytes, length);
 *     checksum_put(at, checksum_finish(sum));                  or, of a packet received: checksum_holds(sum)
 *
 * A sum is a 64-bit accumulator of words as they lie in memory: the arithmetic is the same in either byte order (RFC
 * 1071, section 2(B)), and is folded to 16 bits only at the end. It has room for more than 16 MiB of data. */
#ifndef LEASTPORT_SCANNER_PACKET_CHECKSUM_H
#define LEASTPORT_SCANNER_PACKET_CHECKSUM_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ip_header;

/* Adds `length` bytes; only the last piece of a packet may have an odd length (a zero byte is thought behind it). */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length);

/* The pseudo-header of RFC 793 (IPv4) or RFC 8200, section 8.1 (IPv6), with the protocol and addresses of `ip`.
 * `length` is that of the transport header and what follows it. */
uint64_t checksum_pseudo(const struct ip_header *ip, size_t length);

static inline uint64_t checksum_add16(uint64_t sum, uint16_t value)
{
    return sum + htobe16(value);
}

static inline uint64_t checksum_add32(uint64_t sum, uint32_t value)
{
    return sum + htobe32(value);
}

static inline uint64_t checksum_add_ipv4(uint64_t sum, const uint8_t *address)
{
    uint32_t word;

    memcpy(&word, address, sizeof(word));
    return sum + word;
}

static inline uint64_t checksum_add_ipv6(uint64_t sum, const uint8_t *address)
{
    uint32_t words[4];

    memcpy(words, address, sizeof(words));
    return sum + words[0] + words[1] + words[2] + words[3];
}

static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

/* The field's value, in memory order: checksum_put() writes it. */
static inline uint16_t checksum_finish(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

/* The sum of what was received, its checksum field included, is right when it is all ones. */
static inline bool checksum_holds(uint64_t sum)
{
    return checksum_fold(sum) == UINT16_MAX;
}

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). `was` and `is` are sums of what a checksum covered and covers now. */
static inline uint16_t checksum_update(uint16_t checksum, uint64_t was, uint64_t is)
{
    return checksum_finish((uint64_t)(uint16_t)~checksum + (uint16_t)~checksum_fold(was) + is);
}

static inline uint16_t checksum_get(const uint8_t *at)
{
    uint16_t checksum;

    memcpy(&checksum, at, sizeof(checksum));
    return checksum;
}

static inline void checksum_put(uint8_t *at, uint16_t checksum)
{
    memcpy(at, &checksum, sizeof(checksum));
}

#endif
