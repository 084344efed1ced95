/* What the HTTP library lets pass and a server must not: contradictory framing, doubled or foreign Host, huge heads.
 * Fed header by header; one verdict at the end. */
#ifndef LEASTPORT_WEB_FRAMING_H
#define LEASTPORT_WEB_FRAMING_H

#include "web/authority.h"
#include "web/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMING_MAX_HEAD_BYTES = 32768, FRAMING_MAX_HEADERS = 100, FRAMING_MAX_BODY_BYTES = 512 * 1024 };

/* What is read of somebody before it is known who it is. */
enum { FRAMING_MAX_STRANGE_BYTES = 16384 };

struct framing {
    size_t head_bytes;
    size_t header_count;
    unsigned host_count;
    unsigned length_count;
    const char *host; /* borrowed until the verdict */
    const char *length;
    const char *content_type;
    bool has_transfer_encoding;
    bool has_bad_length;
    bool has_bad_field; /* a name that is no token: others may read it as another field */
    bool has_gap;       /* not all of the head was told: a fold, a zero byte, a line that ends by LF alone */
    bool has_control;   /* in a value */
    const char *end;    /* where the value told last ends */
    bool has_content;
    bool takes_any_host; /* else loopback's names, and */
    const struct authority_names *names;
};

void framing_init(struct framing *framing);
void framing_add(struct framing *framing, const char *name, const char *value);
/* As framing_add(), of fields that lie in memory as they came. The HTTP library takes a folded line (RFC 9112 section
 * 5.2) for more of the field's name, ends a value at a zero byte, and a line at an LF alone: each leaves a gap, behind
 * which something may stand that others on the way act upon. */
void framing_follow(struct framing *framing, const char *name, const char *value);
/* After the last field: `end` is where the head ends, behind its empty line. */
void framing_end(struct framing *framing, const char *end);
/* False, with the problem set, when the request must not be served; the connection is closed after it: where the next
 * request begins is not certain (RFC 9112 section 6.3). */
bool framing_is_sound(const struct framing *framing, struct problem *problem);
/* False, with the problem set, when there is no content, it is too large, or it is said to be no JSON. */
bool framing_has_json(const struct framing *framing, size_t max_bytes, struct problem *problem);
/* What Content-Length says; 0 when it says nothing. */
size_t framing_length(const struct framing *framing);
/* False, with the problem set, when the content is too large, of a type that nothing here reads, or not wanted. */
bool framing_allows_content(const struct framing *framing, struct problem *problem);

#endif
