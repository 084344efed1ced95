/* In what form an answer goes out: as it is or as gzip, and the entity tag of that form. */
#ifndef LEASTPORT_WEB_REPRESENT_H
#define LEASTPORT_WEB_REPRESENT_H

#include "web/exchange.h"

struct coding_wishes;

/* Bodies below this, in bytes, go out as they are: a packet holds them either way. */
enum { REPRESENT_PACK_BYTES = 1024 };

/* Sets the entity tag of what was answered, and whether it shall be packed: where it may be, is wanted so, and is large
 * enough or refused as it is. */
void represent_tag(struct exchange *exchange, const struct coding_wishes *wishes);
/* Packs the body when represent_tag() said so. Without memory the answer goes out as it is, with the tag of that. */
void represent_pack(struct exchange *exchange);

/* Whether If-None-Match names the tag: RFC 9110 section 13.1.2, the weak comparison; a list or a star. */
bool represent_is_named(const char *if_none_match, const char *etag);
/* Whether If-Match names the tag of what was answered, in whichever form it was read. */
bool represent_is_meant(const char *if_match, const struct exchange *exchange);

#endif
