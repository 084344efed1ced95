/* Which interfaces of a cloud an asset's addresses stand for. */
#ifndef LEASTPORT_AUDITD_GROUP_PLACES_H
#define LEASTPORT_AUDITD_GROUP_PLACES_H

#include "auditd/reach/model.h"
#include "auditd/store/asset.h"

struct group_places;

/* Private and public addresses of all interfaces. NULL when out of memory. Borrows the model. */
struct group_places *group_places_create(const struct reach_model *model);
void group_places_destroy(struct group_places *places);

/* The interfaces that have one of the addresses, each once: within the VPC that the realm is called by; in a realm that
 * is no VPC those whose address is in one VPC only, and public ones. The caller frees *ret_enis. -ENOMEM. */
MUST_USE int group_places_find(const struct group_places *places, const char *realm, const struct store_known *known,
                               uint32_t **ret_enis, size_t *ret_count);

#endif
