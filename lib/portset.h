/* A set of ports, 0 to 65535, as a value, with its text "22,80,8000-8099". Knows numbers: no names, no protocols. */
#ifndef LEASTPORT_LIB_PORTSET_H
#define LEASTPORT_LIB_PORTSET_H

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PORTSET_WORDS = 1024 };

struct portset {
    uint64_t words[PORTSET_WORDS];
};

void portset_clear(struct portset *set);
void portset_add(struct portset *set, uint16_t port);
void portset_add_range(struct portset *set, uint16_t first, uint16_t last);
void portset_remove(struct portset *set, uint16_t port);
void portset_union(struct portset *set, const struct portset *other);
/* Takes out what `other` has. */
void portset_subtract(struct portset *set, const struct portset *other);
/* Takes out what `other` lacks. */
void portset_intersect(struct portset *set, const struct portset *other);
bool portset_has(const struct portset *set, uint16_t port);
bool portset_equal(const struct portset *a, const struct portset *b);
uint32_t portset_count(const struct portset *set);

/* The smallest port >= `from`, or -1. */
int32_t portset_next(const struct portset *set, uint32_t from);

/* The largest port up to which every port from `first`, which is in the set, is in it too. */
uint16_t portset_run_end(const struct portset *set, uint16_t first);

/* Writes the ports in ascending order to `ports`, which holds at least portset_count() of them; returns how many. */
uint32_t portset_list(const struct portset *set, uint16_t *ports);

/* Numbers and ranges only, comma between, no spaces; "" is the empty set. -EINVAL with *ret_offset at the first byte
 * that is wrong, -ERANGE for a number over 65535 or a range that runs backwards. */
MUST_USE int portset_parse(const char *text, struct portset *ret_set, size_t *ret_offset);

/* The shortest text of the set, on the heap; the caller frees it. NULL when out of memory. */
char *portset_format(const struct portset *set);

#endif
