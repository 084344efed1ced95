/* A keyed permutation of 0..n-1 with random access: the order in which a slab's probes leave.
 * The generalised Feistel cipher with cycle walking of Black & Rogaway, "Ciphers with Arbitrary Finite Domains" (CT-RSA
 * 2002), with SipHash-2-4 as its round function. Pure. */
#ifndef LEASTPORT_SCANNER_PERMUTATION_H
#define LEASTPORT_SCANNER_PERMUTATION_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PERMUTATION_SEED_BYTES = 16,
    PERMUTATION_KEY_BYTES = 16,
    PERMUTATION_ROUNDS = 4,
    /* Up to this many (a slab's) the round functions are tables: each has only about the square root of it as inputs.
     */
    PERMUTATION_TABLED = 1 << 22,
    PERMUTATION_TABLE = 1 << 11,
};

/* A value; nothing to release. The fields are the module's own. */
struct permutation {
    uint64_t count;
    uint64_t left;
    uint64_t right;
    uint8_t key[PERMUTATION_KEY_BYTES];
    bool tabled;
    uint16_t table[PERMUTATION_ROUNDS][PERMUTATION_TABLE];
};

/* `count` >= 1. Each slab of a plan has an order of its own. */
void permutation_init(struct permutation *permutation, const uint8_t seed[PERMUTATION_SEED_BYTES], uint64_t slab,
                      uint64_t count);

/* Both take and give 0..count-1; a few nanoseconds
 * up to PERMUTATION_TABLED, else about 0.1 µs. permutation_position(p, permutation_index(p, i)) == i. */
uint64_t permutation_index(const struct permutation *permutation, uint64_t position);
uint64_t permutation_position(const struct permutation *permutation, uint64_t index);

/* Where the last position stood, for whoever takes one after the other; begins as {0}. */
struct permutation_row {
    uint32_t number;
    uint32_t first;
};

static inline uint32_t permutation_add_below(uint32_t value, uint32_t step, uint32_t modulus)
{
    value += step;
    return value >= modulus ? value - modulus : value;
}

/* permutation_index(), without its division where the position is in the row of the one before. */
static inline uint64_t permutation_index_near(const struct permutation *permutation, uint64_t position,
                                              struct permutation_row *row)
{
    uint32_t left_size = (uint32_t)permutation->left;
    uint32_t right_size = (uint32_t)permutation->right;
    uint32_t left = (uint32_t)position - row->first;
    uint32_t right;
    uint32_t index;

    if (!permutation->tabled) {
        return permutation_index(permutation, position);
    }
    assert(left_size > 0);
    if (left >= left_size) {
        row->number = (uint32_t)position / left_size;
        row->first = row->number * left_size;
        left = (uint32_t)position - row->first;
    }
    left = permutation_add_below(left, permutation->table[0][row->number], left_size);
    right = permutation_add_below(row->number, permutation->table[1][left], right_size);
    left = permutation_add_below(left, permutation->table[2][right], left_size);
    right = permutation_add_below(right, permutation->table[3][left], right_size);
    index = right * left_size + left;
    return index < permutation->count ? index : permutation_index(permutation, position);
}

#endif
