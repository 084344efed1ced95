/* Sets of addresses of one family as sorted, disjoint spans, with the algebra that rules need. Exact, not sampled.
 * Knows numbers: which family they are of, the caller knows. */
#ifndef LEASTPORT_AUDITD_REACH_SPAN_H
#define LEASTPORT_AUDITD_REACH_SPAN_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

/* An IPv4 address is its 32 bits, an IPv6 address its 128. */
__extension__ typedef unsigned __int128 span_value;

struct span {
    span_value first, last;
};

/* {0} is empty. `failed` says that memory ran out somewhere on the way: it sticks, and passes on to what is made of the
 * set, so that one look at the end is enough. */
struct span_set {
    struct span *items;
    size_t count;
    bool failed;
};

void span_set_done(struct span_set *set);

/* The first operand becomes the result. */
void span_set_or(struct span_set *set, const struct span_set *other);
void span_set_and(struct span_set *set, const struct span_set *other);
void span_set_minus(struct span_set *set, const struct span_set *other);
/* Gives back the room that working the set out took: for sets that are kept. */
void span_set_trim(struct span_set *set);
/* What `set` held is dropped. */
void span_set_copy(struct span_set *set, const struct span_set *other);

void span_set_add(struct span_set *set, struct span span);
void span_set_add_prefix(struct span_set *set, const struct prefix *prefix);
/* Adds `count` spans in any order, which are sorted in place. */
void span_set_add_all(struct span_set *set, struct span *spans, size_t count);
/* A set that borrows its only span. */
struct span_set span_set_of(struct span *span);

bool span_set_has(const struct span_set *set, span_value value);
bool span_set_equal(const struct span_set *a, const struct span_set *b);
bool span_set_meets(const struct span_set *a, const struct span_set *b);
/* How many addresses; a double, as 2^128 fits no integer. */
double span_set_size(const struct span_set *set);

/* All addresses of the family. */
struct span span_all(bool is_ipv6);
struct span span_of_prefix(const struct prefix *prefix);
span_value span_value_of(const struct addr *addr);
struct addr span_addr(span_value value, bool is_ipv6);
/* The longest prefix that begins where the span does and stays within it. */
struct prefix span_head(const struct span *span, bool is_ipv6);

#endif
