/* How many connections are open from each address. Safe from several threads. */
#ifndef LEASTPORT_WEB_CROWD_H
#define LEASTPORT_WEB_CROWD_H

#include "lib/addr.h"

struct crowd;

/* NULL when out of memory. The caller owns it: crowd_destroy(). */
struct crowd *crowd_create(void);
void crowd_destroy(struct crowd *crowd);

/* One more, and one less, of those that were counted. Without memory one goes uncounted. */
void crowd_enter(struct crowd *crowd, const struct addr *address);
void crowd_leave(struct crowd *crowd, const struct addr *address);
uint32_t crowd_of(struct crowd *crowd, const struct addr *address);

#endif
