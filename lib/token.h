/* Access tokens as text: "lstp_", twelve hexadecimal digits that name it, "_", and 256 random bits. The beginning lets
 * scanners of secrets know one; the name is no secret. Knows neither who holds it nor what it opens. */
#ifndef LEASTPORT_LIB_TOKEN_H
#define LEASTPORT_LIB_TOKEN_H

#include "lib/addr.h"

#include <stdbool.h>

#define TOKEN_PREFIX "lstp_"

enum {
    TOKEN_ID_SIZE = 13,    /* with its NUL, as all of these */
    TOKEN_TEXT_SIZE = 83,  /* prefix, id, "_", 64 digits */
    TOKEN_HASH_SIZE = 129, /* BLAKE2b-512, hexadecimal */
};

/* A new one from the system's randomness. After sodium_init(). */
void token_make(char ret_text[TOKEN_TEXT_SIZE], char ret_id[TOKEN_ID_SIZE], char ret_hash[TOKEN_HASH_SIZE]);

/* Its id. -EINVAL when `text`, which may come from anybody, has not the form of a token. */
MUST_USE int token_parse(const char *text, char ret_id[TOKEN_ID_SIZE]);

/* Whether a text that token_parse() took has this hash. Takes as long for a wrong one as for the right one. */
bool token_matches(const char *text, const char *hash);

/* BLAKE2b-512 of a text of any kind, hexadecimal. */
void token_hash(const char *text, char ret_hash[TOKEN_HASH_SIZE]);

#endif
