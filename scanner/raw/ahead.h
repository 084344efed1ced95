/* Hardware addresses of the hosts that come next: who is on link behind a slab is asked while that slab is being sent,
 * so that the next ones need not wait for those who do not answer. Pure, as neighbour.h is. */
#ifndef LEASTPORT_SCANNER_RAW_AHEAD_H
#define LEASTPORT_SCANNER_RAW_AHEAD_H

#include "lib/clock.h"
#include "scanner/raw/neighbour.h"
#include "scanner/space.h"

#include <stdbool.h>
#include <stdint.h>

/* So many hosts at a time, twice at most: some 2 MB. What was begun longer ago than AHEAD_AGE_S is not believed. */
enum { AHEAD_HOSTS = 4096, AHEAD_BATCHES = 2, AHEAD_AGE_S = 60 };

/* All borrowed for its life. */
struct ahead_options {
    const struct space *space;
    struct pacer *pacer; /* of all questions, as neighbours_create() takes it */
    /* Whether the address is on link, the question for it and, in *ret_last, how far up both hold but for the address.
     */
    bool (*on_link)(void *context, const struct addr *addr, struct neighbour_question *ret_question,
                    struct addr *ret_last);
    void *context;
};

struct ahead;

/* NULL when out of memory. The caller owns the result. */
struct ahead *ahead_create(const struct ahead_options *options);
void ahead_destroy(struct ahead *ahead);
/* What is known may not hold any more: routes or links changed. */
void ahead_forget(struct ahead *ahead);

/* A slab begins: what is too old is forgotten. */
void ahead_begin(struct ahead *ahead, struct mono_time now);
/* Its hosts are looked up in between. True: the host is asked, or was; *ret_mac: its address (borrowed until the next
 * call but this), NULL while, or as, it has not answered. */
bool ahead_find(struct ahead *ahead, uint32_t link, const struct addr *addr, const uint8_t **ret_mac);
/* They end with `last`: chooses whom to ask meanwhile. -ENOMEM. */
MUST_USE int ahead_follow(struct ahead *ahead, const struct addr *last, struct mono_time now);
/* Whether those that were found for this slab have answered, or will not. */
bool ahead_is_done(const struct ahead *ahead, struct mono_time now);

/* As neighbours_next() and neighbours_learn(). */
bool ahead_next(struct ahead *ahead, struct mono_time now, struct neighbour_question *ret_question);
void ahead_learn(struct ahead *ahead, uint32_t link, const struct addr *addr, const uint8_t mac[ROUTE_MAC]);
/* When the next question is due; UINT64_MAX: there is none. */
struct mono_time ahead_wakeup(const struct ahead *ahead, struct mono_time now);

#endif
