/* A request target: its path and its query parameters, decoded strictly (RFC 3986). Knows no routes. */
#ifndef LEASTPORT_WEB_URI_H
#define LEASTPORT_WEB_URI_H

#include "lib/addr.h"

#include <stddef.h>

enum { URI_MAX_BYTES = 8192, URI_MAX_PARAMS = 40 };

struct uri_param {
    char *name;
    char *value;
};

/* Path and parameters point into `text`, which belongs to the uri. */
struct uri {
    char *text;
    const char *path;
    struct uri_param params[URI_MAX_PARAMS];
    size_t param_count;
    const unsigned char *seal; /* of its lists' cursors (cursor.h), borrowed; NULL until somebody sets it */
};

/* -EINVAL: not an absolute path, or a bad percent-encoding, a NUL or bytes that are not UTF-8; -E2BIG: longer than
 * URI_MAX_BYTES or more than URI_MAX_PARAMS parameters; -ENOMEM. On success the caller calls uri_done(). */
MUST_USE int uri_parse(const char *raw, struct uri *ret_uri);
void uri_done(struct uri *uri);
/* The value of a parameter, or NULL. */
const char *uri_param(const struct uri *uri, const char *name);

#endif
