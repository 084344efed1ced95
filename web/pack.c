#include "web/pack.h"

#include <errno.h>
#include <stdlib.h>
/* What it reads it does not change. */
#define ZLIB_CONST
#include <zlib.h>

/* Somebody waits meanwhile: a list of 100 findings, 154 kB, is 10.5 kB after 0.2 ms, with zlib's usual level of 6 9.4
 * kB after 0.6 ms. */
enum { PACK_LEVEL = 1, PACK_WINDOW_BITS = 15, PACK_WITH_GZIP_HEAD = 16, PACK_MEMORY = 8 };

static int pack_run(z_stream *stream, const char *bytes, size_t length, char **ret_bytes, size_t *ret_length)
{
    size_t room = deflateBound(stream, length);
    char *packed = malloc(room);
    char *less;

    if (packed == NULL) {
        return -ENOMEM;
    }
    stream->next_in = (const Bytef *)bytes;
    stream->avail_in = (uInt)length;
    stream->next_out = (Bytef *)packed;
    stream->avail_out = (uInt)room;
    /* In one go: the bound is zlib's own. */
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        free(packed);
        return -ENOMEM;
    }
    *ret_length = room - stream->avail_out;
    less = realloc(packed, *ret_length);
    *ret_bytes = less == NULL ? packed : less;
    return 0;
}

int pack_gzip(const char *bytes, size_t length, char **ret_bytes, size_t *ret_length)
{
    z_stream stream = {0};
    int rc;

    if (length > PACK_MAX_BYTES) {
        return -EFBIG;
    }
    if (deflateInit2(&stream, PACK_LEVEL, Z_DEFLATED, PACK_WINDOW_BITS + PACK_WITH_GZIP_HEAD, PACK_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return -ENOMEM;
    }
    rc = pack_run(&stream, bytes, length, ret_bytes, ret_length);
    deflateEnd(&stream);
    return rc;
}
