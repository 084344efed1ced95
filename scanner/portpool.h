/* Sets of ports that many hosts share, each stored once as runs, with its n-th port at hand. */
#ifndef LEASTPORT_SCANNER_PORTPOOL_H
#define LEASTPORT_SCANNER_PORTPOOL_H

#include "lib/addr.h"
#include "lib/portset.h"

#include <stddef.h>
#include <stdint.h>

struct portpool;

/* NULL when out of memory. The caller owns the result. */
struct portpool *portpool_create(void);
void portpool_destroy(struct portpool *pool);

/* Equal sets get the same id; ids count from 0. -ENOMEM. */
MUST_USE int portpool_intern(struct portpool *pool, const struct portset *set, uint32_t *ret_id);
size_t portpool_size(const struct portpool *pool);

uint32_t portpool_count(const struct portpool *pool, uint32_t id);
/* The port at `index` < count, ascending. O(log runs). */
uint16_t portpool_port(const struct portpool *pool, uint32_t id, uint32_t index);
/* The port's index, or -1. */
int32_t portpool_find(const struct portpool *pool, uint32_t id, uint16_t port);
void portpool_add_to(const struct portpool *pool, uint32_t id, struct portset *set);
void portpool_remove_from(const struct portpool *pool, uint32_t id, struct portset *set);

#endif
