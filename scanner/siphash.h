/* SipHash-2-4 (Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012) in words, for the hashes of a few bytes
 * that each probe needs: the result is crypto_shorthash()'s over the same bytes. What comes first can be taken in once
 * and kept, and the rest is inlined: 6 ns for a cookie (IPv6: 10) against libsodium's 12 (24), where a probe may cost
 * 50 in all beside what the kernel takes to send it. Pure. */
#ifndef LEASTPORT_SCANNER_SIPHASH_H
#define LEASTPORT_SCANNER_SIPHASH_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum { SIPHASH_KEY_BYTES = 16 };

/* A value: the state after the key and some words. */
struct siphash {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t siphash_rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void siphash_round(struct siphash *state)
{
    state->v0 += state->v1;
    state->v1 = siphash_rotate(state->v1, 13) ^ state->v0;
    state->v0 = siphash_rotate(state->v0, 32);
    state->v2 += state->v3;
    state->v3 = siphash_rotate(state->v3, 16) ^ state->v2;
    state->v0 += state->v3;
    state->v3 = siphash_rotate(state->v3, 21) ^ state->v0;
    state->v2 += state->v1;
    state->v1 = siphash_rotate(state->v1, 17) ^ state->v2;
    state->v2 = siphash_rotate(state->v2, 32);
}

static inline void siphash_init(struct siphash *state, const uint8_t key[SIPHASH_KEY_BYTES])
{
    uint64_t words[2];

    memcpy(words, key, sizeof(words));
    words[0] = le64toh(words[0]);
    words[1] = le64toh(words[1]);
    state->v0 = words[0] ^ UINT64_C(0x736f6d6570736575);
    state->v1 = words[1] ^ UINT64_C(0x646f72616e646f6d);
    state->v2 = words[0] ^ UINT64_C(0x6c7967656e657261);
    state->v3 = words[1] ^ UINT64_C(0x7465646279746573);
}

/* Takes in the next 8 bytes of the message, read as little-endian. */
static inline void siphash_add(struct siphash *state, uint64_t word)
{
    state->v3 ^= word;
    siphash_round(state);
    siphash_round(state);
    state->v0 ^= word;
}

/* The hash of a message of `length` bytes, of which the last length % 8 are in `rest`, its upper bytes 0. */
static inline uint64_t siphash_finish(struct siphash state, uint64_t rest, uint8_t length)
{
    siphash_add(&state, rest | (uint64_t)length << 56);
    state.v2 ^= 0xff;
    for (int i = 0; i < 4; i++) {
        siphash_round(&state);
    }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

#endif
