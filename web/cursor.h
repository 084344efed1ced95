/* The opaque text that says where a list goes on, bound to the filters it was given under. */
#ifndef LEASTPORT_WEB_CURSOR_H
#define LEASTPORT_WEB_CURSOR_H

#include "auditd/store/read.h"

enum { CURSOR_HASH_BYTES = 16, CURSOR_TEXT_SIZE = 64 };

enum { CURSOR_SEAL_BYTES = 32 };

/* What a list was asked for: its resource, filters and order, hashed. */
struct cursor_binding {
    unsigned char hash[CURSOR_HASH_BYTES];
    const unsigned char *seal; /* CURSOR_SEAL_BYTES; NULL: what stands in the cursor may be read */
};

void cursor_format(const struct cursor_binding *binding, const struct store_position *position,
                   char text[CURSOR_TEXT_SIZE]);
/* -EINVAL when it is no cursor, was changed, or belongs to another list or other filters. A cursor is no secret: its
 * check finds mistakes, and whoever forges one only starts a list elsewhere. With a seal nobody can read from it how
 * many rows there are that he may not see, nor make one. */
MUST_USE int cursor_parse(const char *text, const struct cursor_binding *binding, struct store_position *ret_position);

#endif
