/* Copies that end where their memory ends, also those of no bytes: a sanitizer sees whoever reads beyond. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_PACKET_EXACT_H
#define LEASTPORT_TESTS_UNIT_SCANNER_PACKET_EXACT_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The caller frees it: exact_free(). */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *block = malloc(length + 1);

    assert(block != NULL);
    if (length > 0) {
        memcpy(block + 1, bytes, length);
    }
    return block + 1;
}

static inline void exact_free(uint8_t *copy)
{
    free(copy - 1);
}

#endif
