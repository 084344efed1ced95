/* Ports that come in ascending order, written as ranges on the way: what portset_format() has for the same set, at the
 * cost of the ports that are there and not of all that could be. */
#ifndef LEASTPORT_SCANNER_PORTRUNS_H
#define LEASTPORT_SCANNER_PORTRUNS_H

#include "scanner/text.h"

#include <stdint.h>

/* Zeroed before the first use. */
struct portruns {
    struct text text; /* of the runs before the one at hand */
    uint32_t count;
    uint16_t first; /* of the run at hand, when there are any ports */
    uint16_t last;
};

/* `port` is above all that were added before. */
void portruns_add(struct portruns *runs, uint16_t port);
/* Ends the list: only portruns_clear() and portruns_done() may follow. Borrowed until then. NULL when out of memory,
 * now or before. */
const char *portruns_end(struct portruns *runs);
/* Empties it and keeps the room. */
void portruns_clear(struct portruns *runs);
void portruns_done(struct portruns *runs);

#endif
