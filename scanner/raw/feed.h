/* Probes that one thread hands to several, each with the time before which it must not leave: a ring without locks, one
 * writer, many takers. Pure: knows neither hosts nor packets. */
#ifndef LEASTPORT_SCANNER_RAW_FEED_H
#define LEASTPORT_SCANNER_RAW_FEED_H

#include <stdbool.h>
#include <stdint.h>

/* How many wait in it at most. */
enum { FEED_ROOM = 4096 };

struct feed_item {
    uint64_t not_before_ns;
    uint32_t place;
    uint32_t probe;
    uint32_t host;
};

struct feed;

/* NULL when out of memory. The caller owns the result. */
struct feed *feed_create(void);
void feed_destroy(struct feed *feed);

/* The writer's. False when there is no room. What is put in has an ascending time, or nearly: each is taken only after
 * those before it. */
bool feed_put(struct feed *feed, const struct feed_item *item);

/* Any taker's; false when nothing is due. */
bool feed_take(struct feed *feed, uint64_t now_ns, struct feed_item *ret_item);
/* When the first is due; UINT64_MAX when there is none. A hint where others take at the same time. */
uint64_t feed_due_ns(const struct feed *feed);

#endif
