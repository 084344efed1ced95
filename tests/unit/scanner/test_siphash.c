#include "scanner/siphash.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t own(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t *bytes, uint8_t length)
{
    struct siphash state;
    uint64_t word = 0;
    uint8_t left = length;

    siphash_init(&state, key);
    for (; left >= 8; left -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        siphash_add(&state, le64toh(word));
    }
    word = 0;
    memcpy(&word, bytes, left);
    return siphash_finish(state, le64toh(word), length);
}

/* The paper's appendix A: key 00..0f, message 00..0e. */
static void is_the_papers_example(void **state)
{
    uint8_t bytes[16];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_true(own(bytes, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void is_libsodiums(void **state)
{
    uint8_t key[SIPHASH_KEY_BYTES];
    uint8_t bytes[64];
    (void)state;
    for (int i = 0; i < 200; i++) {
        randombytes_buf(key, sizeof(key));
        randombytes_buf(bytes, sizeof(bytes));
        for (size_t length = 0; length <= sizeof(bytes); length++) {
            uint64_t expected;
            crypto_shorthash((uint8_t *)&expected, bytes, length, key);
            assert_true(own(key, bytes, (uint8_t)length) == le64toh(expected));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_papers_example),
        cmocka_unit_test(is_libsodiums),
    };
    return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
