/* So many of something in so long, for each key: failures by address, requests by token. Bounded: of many keys the one
 * that was quiet for longest is forgotten. Safe from several threads. */
#ifndef LEASTPORT_WEB_QUOTA_H
#define LEASTPORT_WEB_QUOTA_H

#include "lib/clock.h"

struct quota;

/* `limit` in each `window_ms`; 0: without a limit. NULL when out of memory. The caller owns it: quota_destroy(). */
struct quota *quota_create(uint32_t limit, uint32_t window_ms);
void quota_destroy(struct quota *quota);

/* Counts one. 0: there was room; else the seconds until there is, at least 1. *ret_over is by how many it is over:
 * 1 for the first without room. NULL: not wanted. */
uint32_t quota_take(struct quota *quota, const void *key, size_t size, struct mono_time now, uint32_t *ret_over);

#endif
