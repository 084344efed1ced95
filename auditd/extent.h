/* What an audit will look at, as far as that is known before it begins: so that two never look at the same at once. */
#ifndef LEASTPORT_AUDITD_EXTENT_H
#define LEASTPORT_AUDITD_EXTENT_H

#include "auditd/config/config.h"

#include <jansson.h>

struct scan_plan;

/* To be ended by extent_done(). All NULL: nothing is known. */
struct extent {
    char *realm;
    struct scan_plan *range; /* NULL: not known before names are resolved */
};

/* The request has passed request_check(). What cannot be planned is not known. */
void extent_find(const json_t *request, const struct config *config, struct extent *ret_extent);
void extent_done(struct extent *extent);

/* What is not known may be the same. */
bool extent_shares(const struct extent *one, const struct extent *other);

#endif
