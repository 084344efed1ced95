/* What proves that an answer is one to a probe of ours: SipHash-2-4 over the kind of probe, both addresses and the port
 * that it went to. The sender keeps nothing of a probe; whoever reads an answer works the same number out again.
 *
 *     cookie_origin_init(&origin, key, PACKET_TCP_SYN, &source);           once for each source address
 *     hash = cookie_hash(&origin, destination, port);
 *     seq = cookie_value(hash);  source_port = cookie_source_port(&ports, hash, try_number);
 *
 * The low 32 bits are a TCP probe's sequence number (an ACK probe's acknowledgement), an echo's identifier and sequence
 * number, and what of a UDP payload carries them. The source port is the hash's choice among `ports` for the first try,
 * and the next one for each later try, so that an answer names the try that it answers. */
#ifndef LEASTPORT_SCANNER_PACKET_COOKIE_H
#define LEASTPORT_SCANNER_PACKET_COOKIE_H

#include "scanner/packet/packet.h"
#include "scanner/siphash.h"

enum { COOKIE_KEY_BYTES = SIPHASH_KEY_BYTES };

/* Source ports first .. first + count - 1; count >= 1. Tries share a port where there are more of them than ports. */
struct cookie_ports {
    uint16_t first;
    uint16_t count;
};

/* A value. The fields are the module's own. */
struct cookie_origin {
    struct siphash state;
    bool is_ipv6;
};

void cookie_origin_init(struct cookie_origin *origin, const uint8_t key[COOKIE_KEY_BYTES], enum packet_probe probe,
                        const struct addr *source);

/* An echo proves itself by the first bytes of its body: the destination (IPv4: then zeros), and the hash, big-endian.
 */
enum { COOKIE_ECHO_HASH_AT = 16, COOKIE_ECHO_SIZE = 24 };

/* `destination` has 4 or 16 bytes, as the origin's source has. An echo has port 0. */
static inline uint64_t cookie_hash(const struct cookie_origin *origin, const uint8_t *destination, uint16_t port)
{
    struct siphash state = origin->state;
    uint64_t words[2];
    uint32_t ipv4;

    if (!origin->is_ipv6) {
        memcpy(&ipv4, destination, sizeof(ipv4));
        return siphash_finish(state, le32toh(ipv4) | (uint64_t)port << 32, 14);
    }
    memcpy(words, destination, sizeof(words));
    siphash_add(&state, le64toh(words[0]));
    siphash_add(&state, le64toh(words[1]));
    return siphash_finish(state, port, 42);
}

/* What the scan adds to its clock before it shows it to others, as TCP timestamps. */
uint32_t cookie_clock(const uint8_t key[COOKIE_KEY_BYTES]);

static inline uint32_t cookie_value(uint64_t hash)
{
    return (uint32_t)hash;
}

/* IPv4's identification and IPv6's flow label (20 bits): random to others, and another for each try. */
static inline uint16_t cookie_ip_id(uint64_t hash, uint8_t try_number)
{
    return (uint16_t)((hash >> 48) + try_number * UINT64_C(0x9e37));
}

static inline uint32_t cookie_flow_label(uint64_t hash)
{
    return (uint32_t)(hash >> 44);
}

static inline uint32_t cookie_first_port(struct cookie_ports ports, uint64_t hash)
{
    return (uint32_t)((hash >> 32 & UINT16_MAX) * ports.count >> 16);
}

static inline uint16_t cookie_source_port(struct cookie_ports ports, uint64_t hash, uint8_t try_number)
{
    uint32_t offset = cookie_first_port(ports, hash) + try_number;

    while (offset >= ports.count) {
        offset -= ports.count;
    }
    return (uint16_t)(ports.first + offset);
}

/* Which of the first `tries` tries was sent from this port; false when none was. */
static inline bool cookie_find_try(struct cookie_ports ports, uint64_t hash, uint16_t source_port, uint8_t tries,
                                   uint8_t *ret_try)
{
    uint32_t offset = (uint32_t)source_port - ports.first;
    uint32_t first = cookie_first_port(ports, hash);
    uint32_t try_number;

    if (source_port < ports.first || offset >= ports.count) {
        return false;
    }
    try_number = offset >= first ? offset - first : offset + ports.count - first;
    if (try_number >= tries) {
        return false;
    }
    *ret_try = (uint8_t)try_number;
    return true;
}

#endif
