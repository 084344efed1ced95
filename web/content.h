/* The JSON object that a request brings, by a table of its members: an unknown member, a missing one or one of the
 * wrong kind is a 400 that says where and what would be right. */
#ifndef LEASTPORT_WEB_CONTENT_H
#define LEASTPORT_WEB_CONTENT_H

#include "web/exchange.h"

#include <jansson.h>

enum content_kind {
    CONTENT_TEXT,   /* not empty, of at most `maximum` bytes */
    CONTENT_TEXTS,  /* a list of at most `maximum` such texts, each of at most 4096 bytes; not empty when required */
    CONTENT_NUMBER, /* whole, 0 to `maximum` */
    CONTENT_FLAG,
    CONTENT_OBJECT,
    CONTENT_CHOICE, /* one of `choices` */
};

struct content_member {
    const char *name;
    enum content_kind kind;
    bool is_required;
    json_int_t maximum;
    const char *const *choices; /* ends with NULL */
};

/* Ends with a NULL name. The caller owns the result. NULL with exchange->problem set. */
MUST_USE json_t *content_read(struct exchange *exchange, const struct content_member *members);

#endif
