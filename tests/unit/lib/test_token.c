#include "lib/token.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void makes_what_it_reads(void **state)
{
    char text[TOKEN_TEXT_SIZE];
    char other[TOKEN_TEXT_SIZE];
    char id[TOKEN_ID_SIZE];
    char read[TOKEN_ID_SIZE];
    char hash[TOKEN_HASH_SIZE];

    (void)state;
    token_make(other, id, hash);
    token_make(text, id, hash);
    assert_int_equal(strlen(text), TOKEN_TEXT_SIZE - 1);
    assert_int_equal(strlen(hash), TOKEN_HASH_SIZE - 1);
    assert_int_equal(token_parse(text, read), 0);
    assert_string_equal(read, id);
    assert_true(token_matches(text, hash));
    assert_false(token_matches(other, hash));
    assert_false(token_matches(text, ""));
    hash[5] = hash[5] == '0' ? '1' : '0';
    assert_false(token_matches(text, hash));
}

/* RFC 7693, appendix A. */
static void hashes_by_blake2b(void **state)
{
    char hash[TOKEN_HASH_SIZE];

    (void)state;
    token_hash("abc", hash);
    assert_string_equal(hash, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                              "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

static void refuses_every_other_form(void **state)
{
    char text[TOKEN_TEXT_SIZE + 1];
    char id[TOKEN_ID_SIZE] = "";
    char hash[TOKEN_HASH_SIZE];

    (void)state;
    token_make(text, id, hash);
    for (size_t i = 0; i < TOKEN_TEXT_SIZE - 1; i++) {
        static const char wrong[] = {'\0', ' ', 'G', 'F', '\xff', '%', '_' + 1};
        char kept = text[i];
        for (size_t j = 0; j < sizeof(wrong); j++) {
            text[i] = wrong[j];
            assert_int_not_equal(token_parse(text, id), 0);
        }
        text[i] = kept;
    }
    assert_int_equal(token_parse(text, id), 0);
    text[TOKEN_TEXT_SIZE - 1] = '0';
    text[TOKEN_TEXT_SIZE] = '\0';
    assert_int_not_equal(token_parse(text, id), 0);
    assert_int_not_equal(token_parse("", id), 0);
    assert_int_not_equal(token_parse("lstp_", id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_it_reads),
        cmocka_unit_test(hashes_by_blake2b),
        cmocka_unit_test(refuses_every_other_form),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
