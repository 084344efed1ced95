/* What a score is made of, summed up: how many findings there are of each kind, and how much was looked at. Piles of
 * hosts add up to those of their groups, realms and the fleet. Pure; knows no store. */
#ifndef LEASTPORT_AUDITD_FINDING_PILE_H
#define LEASTPORT_AUDITD_FINDING_PILE_H

#include "auditd/finding/score.h"

/* Each kind of finding once, for all piles of one run. */
struct pile_kinds;

struct pile_entry {
    const struct score_item *kind; /* borrowed from the kinds; its count says nothing */
    uint64_t count;
};

struct pile {
    struct pile_entry *entries; /* owned */
    size_t count;
    size_t size;
    uint64_t planned; /* ports of (asset, vantage, protocol), each once */
    uint64_t judged;  /* of them */
    uint64_t hosts;
};

/* NULL when out of memory. The caller owns the result: pile_kinds_destroy(), after the last pile. */
struct pile_kinds *pile_kinds_create(void);
void pile_kinds_destroy(struct pile_kinds *kinds);

/* One more of its kind; `item->count` is not looked at, its text is copied when it is the first. -ENOMEM. */
MUST_USE int pile_add(struct pile_kinds *kinds, struct pile *pile, const struct score_item *item);

/* All of `other`, a pile of the same kinds, its hosts and its coverage too. -ENOMEM. */
MUST_USE int pile_join(struct pile *pile, const struct pile *other);

/* Back to nothing; keeps its room. */
void pile_clear(struct pile *pile);
void pile_done(struct pile *pile);

/* Nothing planned is nothing covered: 0. -ENOMEM. End with score_done(). */
MUST_USE int pile_score(const struct pile *pile, struct score *ret_score);

#endif
