/* Connections with a deadline: the HTTP library's time-out is idle time, so a client that sends a byte now and then
 * would hold its place for ever. A thread shuts those down that are late; the library then closes them. */
#ifndef LEASTPORT_WEB_DEADLINE_H
#define LEASTPORT_WEB_DEADLINE_H

#include "lib/addr.h"

#include <stdint.h>

struct deadline_watch;
struct deadline;
struct metrics;

/* Counts what it shuts down in `metrics`, borrowed. The caller owns the result: deadline_watch_destroy(). */
MUST_USE int deadline_watch_create(struct metrics *metrics, struct deadline_watch **ret_watch);
/* After the last deadline_remove(). */
void deadline_watch_destroy(struct deadline_watch *watch);

/* Watches a socket until deadline_remove(), which must come before it is closed. NULL when out of memory. */
struct deadline *deadline_add(struct deadline_watch *watch, int fd, uint32_t allowed_ms);
/* The time starts anew. `deadline` may be NULL, here and below. */
void deadline_set(struct deadline_watch *watch, struct deadline *deadline, uint32_t allowed_ms);
/* The time is over after `allowed_ms`, unless it was to be over before. */
void deadline_shorten(struct deadline_watch *watch, struct deadline *deadline, uint32_t allowed_ms);
void deadline_remove(struct deadline_watch *watch, struct deadline *deadline);

#endif
