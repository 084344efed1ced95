#include "lib/token.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_ID_BYTES = 6, TOKEN_SECRET_BYTES = 32, TOKEN_PREFIX_LENGTH = sizeof(TOKEN_PREFIX) - 1 };

static const char token_digits[] = "0123456789abcdef";

void token_hash(const char *text, char ret_hash[TOKEN_HASH_SIZE])
{
    unsigned char hash[crypto_generichash_BYTES_MAX];

    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
    sodium_bin2hex(ret_hash, TOKEN_HASH_SIZE, hash, sizeof(hash));
}

void token_make(char ret_text[TOKEN_TEXT_SIZE], char ret_id[TOKEN_ID_SIZE], char ret_hash[TOKEN_HASH_SIZE])
{
    unsigned char id[TOKEN_ID_BYTES];
    unsigned char secret[TOKEN_SECRET_BYTES];
    char digits[2 * TOKEN_SECRET_BYTES + 1];

    randombytes_buf(id, sizeof(id));
    randombytes_buf(secret, sizeof(secret));
    sodium_bin2hex(ret_id, TOKEN_ID_SIZE, id, sizeof(id));
    sodium_bin2hex(digits, sizeof(digits), secret, sizeof(secret));
    snprintf(ret_text, TOKEN_TEXT_SIZE, TOKEN_PREFIX "%s_%s", ret_id, digits);
    token_hash(ret_text, ret_hash);
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(digits, sizeof(digits));
}

int token_parse(const char *text, char ret_id[TOKEN_ID_SIZE])
{
    const char *id = text + TOKEN_PREFIX_LENGTH;
    const char *secret = id + TOKEN_ID_SIZE;

    if (strlen(text) != TOKEN_TEXT_SIZE - 1 || strncmp(text, TOKEN_PREFIX, TOKEN_PREFIX_LENGTH) != 0 ||
        strspn(id, token_digits) != TOKEN_ID_SIZE - 1 || id[TOKEN_ID_SIZE - 1] != '_' ||
        strspn(secret, token_digits) != (size_t)2 * TOKEN_SECRET_BYTES) {
        return -EINVAL;
    }
    memcpy(ret_id, id, TOKEN_ID_SIZE - 1);
    ret_id[TOKEN_ID_SIZE - 1] = '\0';
    return 0;
}

bool token_matches(const char *text, const char *hash)
{
    char own[TOKEN_HASH_SIZE];

    token_hash(text, own);
    return strlen(hash) == TOKEN_HASH_SIZE - 1 && sodium_memcmp(own, hash, TOKEN_HASH_SIZE - 1) == 0;
}
