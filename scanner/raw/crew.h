/* A fixed number of threads that do the same work together and then rest, as often as they are told to. */
#ifndef LEASTPORT_SCANNER_RAW_CREW_H
#define LEASTPORT_SCANNER_RAW_CREW_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <stdint.h>

/* `number`: from 0, which of the threads it is. */
typedef void crew_work_fn(void *context, uint32_t number);

struct crew;

/* Starts the threads, with all signals blocked; capabilities and confinement of the caller are theirs. At least one
 * must start: fewer than `count` (this machine allows no more) is no error, see crew_count(). -errno with *problem. The
 * caller owns the result. */
MUST_USE int crew_create(uint32_t count, struct crew **ret_crew, struct problem *problem);
/* They must rest. */
void crew_destroy(struct crew *crew);

uint32_t crew_count(const struct crew *crew);
/* All call work(context, number) once. */
void crew_start(struct crew *crew, crew_work_fn *work, void *context);
/* Waits until all have come back from it. */
void crew_rest(struct crew *crew);

#endif
