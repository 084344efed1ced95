/* What a request says of content codings in Accept-Encoding, and what follows for an answer that there is as it is and
 * as gzip (RFC 9110 section 12.5.3). Pure: no memory, a field's line at a time. */
#ifndef LEASTPORT_WEB_CODING_H
#define LEASTPORT_WEB_CODING_H

#include <stdbool.h>
#include <stdint.h>

struct coding_weight {
    bool is_said;
    uint16_t q; /* in thousandths, 0 to 1000; 0 refuses */
};

/* All zero: nothing was said, and the answer goes out as it is. */
struct coding_wishes {
    struct coding_weight gzip; /* and x-gzip, which is the same */
    struct coding_weight identity;
    struct coding_weight any; /* "*": what is not named */
};

/* A line of the field; several lines are one list. What has not the form of an element counts as not said. Where a
 * coding is named twice the lower weight counts. */
void coding_wish(struct coding_wishes *wishes, const char *line);
/* Whether gzip is taken, and preferred to the answer as it is. */
bool coding_prefers_gzip(const struct coding_wishes *wishes);
/* Whether the answer as it is is refused, by "identity;q=0", or by "*;q=0" where identity is not named. */
bool coding_refuses_identity(const struct coding_wishes *wishes);

#endif
