#include "scanner/permutation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[PERMUTATION_SEED_BYTES] = "least exposure!";

static void assert_bijection(uint64_t count, uint64_t slab)
{
    struct permutation permutation;
    uint8_t *seen = calloc(count, 1);
    struct permutation_row row = {0};
    struct permutation_row far = {0};

    permutation_init(&permutation, seed, slab, count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t index = permutation_index(&permutation, i);
        assert_true(index < count);
        assert_int_equal(seen[index], 0);
        seen[index] = 1;
        assert_int_equal(permutation_position(&permutation, index), i);
        assert_int_equal(permutation_index_near(&permutation, i, &row), index);
        assert_int_equal(permutation_index_near(&permutation, index, &far), permutation_index(&permutation, index));
    }
    free(seen);
}

static void is_a_bijection(void **state)
{
    static const uint64_t large[] = {4095, 4096, 4097, 65535, 65536, 65537, 99991, 1 << 20};
    (void)state;
    for (uint64_t count = 1; count <= 600; count++) {
        assert_bijection(count, count % 3);
    }
    for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
        assert_bijection(large[i], i);
    }
}

static void holds_at_the_ends_of_the_domain(void **state)
{
    static const uint64_t counts[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, (UINT64_C(1) << 32) + 1,
                                      UINT64_C(1) << 48};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct permutation permutation;
        permutation_init(&permutation, seed, 7, counts[i]);
        for (uint64_t j = 0; j < 1000; j++) {
            uint64_t position = j % 2 == 0 ? j : counts[i] - 1 - j;
            uint64_t index = permutation_index(&permutation, position);
            assert_true(index < counts[i]);
            assert_true(permutation_position(&permutation, index) == position);
        }
    }
}

/* The order of a plan's probes must not depend on how it is worked out: a scan may be resumed by another release. */
/* Above the size of tables, too. */
static void a_row_changes_nothing(void **state)
{
    static const uint64_t counts[] = {PERMUTATION_TABLED, PERMUTATION_TABLED + 1, UINT64_C(1) << 40, UINT64_C(1) << 48};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct permutation permutation;
        struct permutation_row row = {0};
        permutation_init(&permutation, seed, i, counts[i]);
        for (uint64_t j = 0; j < 3000; j++) {
            uint64_t position = j % 3 == 0 ? counts[i] - 1 - j : j * 797;
            assert_int_equal(permutation_index_near(&permutation, position, &row),
                             permutation_index(&permutation, position));
        }
    }
}

static void tables_change_nothing(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, 1000, 65535, 1 << 20, PERMUTATION_TABLED - 1, PERMUTATION_TABLED};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct permutation tabled;
        struct permutation computed;
        permutation_init(&tabled, seed, i, counts[i]);
        assert_true(tabled.tabled);
        computed = tabled;
        computed.tabled = false;
        for (uint64_t j = 0; j < 1000 && j < counts[i]; j++) {
            uint64_t index = permutation_index(&computed, counts[i] - 1 - j);
            assert_int_equal(permutation_index(&tabled, counts[i] - 1 - j), index);
            assert_int_equal(permutation_position(&tabled, index), permutation_position(&computed, index));
        }
    }
}

static void depends_on_seed_and_slab_alone(void **state)
{
    uint8_t other[PERMUTATION_SEED_BYTES] = {1};
    struct permutation a;
    struct permutation b;
    int same_slab = 0;
    int same_seed = 0;
    (void)state;
    permutation_init(&a, seed, 5, 10000);
    permutation_init(&b, seed, 5, 10000);
    for (uint64_t i = 0; i < 10000; i++) {
        assert_int_equal(permutation_index(&a, i), permutation_index(&b, i));
    }
    permutation_init(&b, seed, 6, 10000);
    for (uint64_t i = 0; i < 10000; i++) {
        same_slab += permutation_index(&a, i) == permutation_index(&b, i);
    }
    permutation_init(&b, other, 5, 10000);
    for (uint64_t i = 0; i < 10000; i++) {
        same_seed += permutation_index(&a, i) == permutation_index(&b, i);
    }
    /* By chance one point in 10,000 agrees on average; 20 are out of the question. */
    assert_in_range(same_slab, 0, 20);
    assert_in_range(same_seed, 0, 20);
}

/* In any stretch of positions every part of the domain is met about equally often: no host is asked in a row. */
static void spreads_evenly(void **state)
{
    enum { COUNT = 1 << 20, STRETCH = 1 << 16, PARTS = 256 };
    static uint32_t hits[PARTS];
    struct permutation permutation;
    double chi = 0;
    uint32_t neighbours = 0;
    uint64_t last = 0;
    (void)state;
    permutation_init(&permutation, seed, 0, COUNT);
    for (uint64_t i = 0; i < STRETCH; i++) {
        uint64_t index = permutation_index(&permutation, i);
        hits[index / (COUNT / PARTS)]++;
        neighbours += index / 4096 == last / 4096;
        last = index;
    }
    for (size_t i = 0; i < PARTS; i++) {
        double off = hits[i] - (double)STRETCH / PARTS;
        chi += off * off / ((double)STRETCH / PARTS);
    }
    /* Chi square with 255 degrees of freedom: below 400 in all but one case of 10^8. The seed is fixed. */
    assert_true(chi < 400);
    /* 1 in 256 follows one of the same part by chance. */
    assert_in_range(neighbours, STRETCH / 256 / 2, STRETCH / 256 * 2);
}

static void shards_share_exactly(void **state)
{
    enum { COUNT = 1003, SHARDS = 7 };
    uint8_t seen[COUNT] = {0};
    struct permutation permutation;
    (void)state;
    permutation_init(&permutation, seed, 3, COUNT);
    for (uint64_t shard = 0; shard < SHARDS; shard++) {
        for (uint64_t position = shard; position < COUNT; position += SHARDS) {
            seen[permutation_index(&permutation, position)]++;
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_bijection),
        cmocka_unit_test(holds_at_the_ends_of_the_domain),
        cmocka_unit_test(a_row_changes_nothing),
        cmocka_unit_test(tables_change_nothing),
        cmocka_unit_test(depends_on_seed_and_slab_alone),
        cmocka_unit_test(spreads_evenly),
        cmocka_unit_test(shards_share_exactly),
    };
    return cmocka_run_group_tests_name("permutation", tests, NULL, NULL);
}
