#include "auditd/aws/wiped.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Stands before each piece: how much there is to wipe. Aligned as what malloc(3) gives. */
struct piece {
    _Alignas(max_align_t) size_t size;
};

void *wiped_malloc(size_t size)
{
    struct piece *piece = size > SIZE_MAX - sizeof(*piece) ? NULL : malloc(sizeof(*piece) + size);

    if (piece == NULL) {
        return NULL;
    }
    piece->size = size;
    return piece + 1;
}

void *wiped_calloc(size_t count, size_t size)
{
    void *memory = size != 0 && count > SIZE_MAX / size ? NULL : wiped_malloc(count * size);

    if (memory != NULL) {
        memset(memory, 0, count * size);
    }
    return memory;
}

void wiped_free(void *memory)
{
    struct piece *piece = memory;

    if (piece != NULL) {
        piece--;
        sodium_memzero(memory, piece->size);
        free(piece);
    }
}

void *wiped_realloc(void *memory, size_t size)
{
    const struct piece *before = memory;
    void *grown = wiped_malloc(size);

    if (memory == NULL || grown == NULL) {
        return grown;
    }
    before--;
    memcpy(grown, memory, before->size < size ? before->size : size);
    wiped_free(memory);
    return grown;
}

char *wiped_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = wiped_malloc(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

int wiped_libraries(void)
{
    if (sodium_init() < 0) {
        return -ENOMEM;
    }
    json_set_alloc_funcs(wiped_malloc, wiped_free);
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_malloc, wiped_free, wiped_realloc, wiped_strdup,
                                wiped_calloc) == CURLE_OK
               ? 0
               : -EIO;
}
