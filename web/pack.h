/* Bytes as gzip (RFC 1952), by zlib. Knows nothing of what they mean, nor of HTTP. */
#ifndef LEASTPORT_WEB_PACK_H
#define LEASTPORT_WEB_PACK_H

#include "lib/addr.h"

#include <stddef.h>

enum { PACK_MAX_BYTES = 64 * 1024 * 1024 };

/* The same bytes make the same gzip: it holds neither name nor time. -EFBIG: more than PACK_MAX_BYTES; -ENOMEM. The
 * caller owns the result: free(). */
MUST_USE int pack_gzip(const char *bytes, size_t length, char **ret_bytes, size_t *ret_length);

#endif
