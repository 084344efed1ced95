#include "scanner/permutation.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* Four rounds give a pseudorandom permutation against whoever sees inputs and outputs (Luby & Rackoff 1988); what is
 * wanted here is only that no host and no port is asked in a row. */
_Static_assert(PERMUTATION_ROUNDS == 4, "Luby & Rackoff");
_Static_assert((uint64_t)PERMUTATION_TABLE *PERMUTATION_TABLE >= PERMUTATION_TABLED, "a table holds either half");
_Static_assert(PERMUTATION_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash's key");

static uint64_t permutation_root(uint64_t count)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        if ((root | bit) * (root | bit) < count) {
            root |= bit;
        }
    }
    return root + 1;
}

static uint64_t permutation_round(const struct permutation *permutation, unsigned int round, uint64_t half)
{
    uint8_t message[9];
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value;

    memcpy(message, &half, sizeof(half));
    message[8] = (uint8_t)round;
    crypto_shorthash(hash, message, sizeof(message), permutation->key);
    memcpy(&value, hash, sizeof(value));
    return value;
}

/* Even rounds are added to the left half and depend on the right one, odd rounds the other way round. */
static void fill_tables(struct permutation *permutation)
{
    for (unsigned int round = 0; round < PERMUTATION_ROUNDS; round++) {
        uint64_t inputs = round % 2 == 0 ? permutation->right : permutation->left;
        uint64_t modulus = round % 2 == 0 ? permutation->left : permutation->right;
        assert(modulus > 0);
        for (uint64_t half = 0; half < inputs; half++) {
            permutation->table[round][half] = (uint16_t)(permutation_round(permutation, round, half) % modulus);
        }
    }
}

void permutation_init(struct permutation *permutation, const uint8_t seed[PERMUTATION_SEED_BYTES], uint64_t slab,
                      uint64_t count)
{
    uint8_t message[8];

    assert(count >= 1);
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(slab >> (8 * i));
    }
    crypto_generichash(permutation->key, sizeof(permutation->key), message, sizeof(message), seed,
                       PERMUTATION_SEED_BYTES);
    permutation->count = count;
    permutation->left = permutation_root(count);
    permutation->right = (count - 1) / permutation->left + 1;
    permutation->tabled = count <= PERMUTATION_TABLED;
    if (permutation->tabled) {
        fill_tables(permutation);
    }
}

/* left x right is the smallest such rectangle that holds the domain, so that a walk has hardly ever a second step. */
static uint128 permutation_encrypt(const struct permutation *permutation, uint128 value)
{
    uint64_t left = (uint64_t)(value % permutation->left);
    uint64_t right = (uint64_t)(value / permutation->left);

    for (unsigned int round = 0; round < PERMUTATION_ROUNDS; round += 2) {
        left = (left + permutation_round(permutation, round, right) % permutation->left) % permutation->left;
        right = (right + permutation_round(permutation, round + 1, left) % permutation->right) % permutation->right;
    }
    return (uint128)right * permutation->left + left;
}

static uint128 permutation_decrypt(const struct permutation *permutation, uint128 value)
{
    uint64_t left = (uint64_t)(value % permutation->left);
    uint64_t right = (uint64_t)(value / permutation->left);

    for (unsigned int round = PERMUTATION_ROUNDS; round > 0; round -= 2) {
        uint64_t step = permutation_round(permutation, round - 1, left) % permutation->right;
        right = (right + permutation->right - step) % permutation->right;
        step = permutation_round(permutation, round - 2, right) % permutation->left;
        left = (left + permutation->left - step) % permutation->left;
    }
    return (uint128)right * permutation->left + left;
}

/* The same as permutation_encrypt() and permutation_decrypt(). */
static uint32_t encrypt_tabled(const struct permutation *permutation, uint32_t value)
{
    uint32_t left_size = (uint32_t)permutation->left;
    uint32_t right_size = (uint32_t)permutation->right;
    uint32_t left = value % left_size;
    uint32_t right = value / left_size;

    for (unsigned int round = 0; round < PERMUTATION_ROUNDS; round += 2) {
        left = permutation_add_below(left, permutation->table[round][right], left_size);
        right = permutation_add_below(right, permutation->table[round + 1][left], right_size);
    }
    return right * left_size + left;
}

static uint32_t decrypt_tabled(const struct permutation *permutation, uint32_t value)
{
    uint32_t left_size = (uint32_t)permutation->left;
    uint32_t right_size = (uint32_t)permutation->right;
    uint32_t left = value % left_size;
    uint32_t right = value / left_size;

    for (unsigned int round = PERMUTATION_ROUNDS; round > 0; round -= 2) {
        right = permutation_add_below(right, right_size - permutation->table[round - 1][left], right_size);
        left = permutation_add_below(left, left_size - permutation->table[round - 2][right], left_size);
    }
    return right * left_size + left;
}

uint64_t permutation_index(const struct permutation *permutation, uint64_t position)
{
    uint128 value = position;

    assert(position < permutation->count);
    if (permutation->tabled) {
        uint32_t walk = (uint32_t)position;
        do {
            walk = encrypt_tabled(permutation, walk);
        } while (walk >= permutation->count);
        return walk;
    }
    do {
        value = permutation_encrypt(permutation, value);
    } while (value >= permutation->count);
    return (uint64_t)value;
}

uint64_t permutation_position(const struct permutation *permutation, uint64_t index)
{
    uint128 value = index;

    assert(index < permutation->count);
    if (permutation->tabled) {
        uint32_t walk = (uint32_t)index;
        do {
            walk = decrypt_tabled(permutation, walk);
        } while (walk >= permutation->count);
        return walk;
    }
    do {
        value = permutation_decrypt(permutation, value);
    } while (value >= permutation->count);
    return (uint64_t)value;
}
