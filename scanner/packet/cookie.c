#include "scanner/packet/cookie.h"

/* The message: for IPv4 the source and 4 bytes that name the kind of probe, for IPv6 8 and the source; then the
 * destination and its port, all little-endian but the addresses. The lengths, 14 and 42 bytes, keep the families apart.
 */
void cookie_origin_init(struct cookie_origin *origin, const uint8_t key[COOKIE_KEY_BYTES], enum packet_probe probe,
                        const struct addr *source)
{
    uint64_t words[2] = {0};

    siphash_init(&origin->state, key);
    origin->is_ipv6 = source->is_ipv6;
    if (!source->is_ipv6) {
        memcpy(words, source->bytes, 4);
        siphash_add(&origin->state, le64toh(words[0]) | (uint64_t)probe << 32);
        return;
    }
    memcpy(words, source->bytes, sizeof(words));
    siphash_add(&origin->state, (uint64_t)probe);
    siphash_add(&origin->state, le64toh(words[0]));
    siphash_add(&origin->state, le64toh(words[1]));
}

/* A message of one byte: no probe's is as short. */
uint32_t cookie_clock(const uint8_t key[COOKIE_KEY_BYTES])
{
    struct siphash state;

    siphash_init(&state, key);
    return (uint32_t)siphash_finish(state, 't', 1);
}
