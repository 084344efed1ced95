/* The endpoints of a plan of which it is known what answers there, and that are not to be asked again yet. Knows
 * neither who keeps that knowledge nor for how long it is good. */
#ifndef LEASTPORT_SCANNER_PLAN_KNOWN_H
#define LEASTPORT_SCANNER_PLAN_KNOWN_H

#include "lib/addr.h"
#include "scanner/problem.h"

#include <jansson.h>
#include <stdbool.h>

struct plan_known;

/* From the plan's array /services/known: objects with host (an address), proto ("tcp"), port, service and asked (RFC
 * 3339). -EINVAL or -ENOMEM with *problem. The caller owns the result: plan_known_destroy(). */
MUST_USE int plan_known_read(const json_t *array, struct plan_known **ret_known, struct problem *problem);
void plan_known_destroy(struct plan_known *known);

/* Also of NULL: then nothing is known. */
bool plan_known_has(const struct plan_known *known, const struct addr *addr, uint16_t port);

/* The array again, as it was read; a new reference, NULL when out of memory. */
json_t *plan_known_write(const struct plan_known *known);

#endif
