/* What a server said, as text that can be shown and read back: whatever is not plain text is escaped as nmap does
 * (\xHH), and so is a backslash that would read as such an escape. Pure. */
#ifndef LEASTPORT_SCANNER_SERVICE_ESCAPE_H
#define LEASTPORT_SCANNER_SERVICE_ESCAPE_H

#include "lib/addr.h"
#include "scanner/service/wire.h"

#include <stddef.h>
#include <stdint.h>

/* No byte takes more than this as text. */
enum { ESCAPE_MOST = 4 };

/* UTF-8 (RFC 3629) without control characters and without what steers the direction of text; cut where the room ends,
 * never within a character. `room` is at least 1, for the NUL. Returns the length. */
size_t escape_text(struct span bytes, char *text, size_t room);
/* The bytes again; -EBADMSG when they are more than there is room for. */
MUST_USE int escape_undo(const char *text, uint8_t *bytes, size_t room, size_t *ret_size);

#endif
