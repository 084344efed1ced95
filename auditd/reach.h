/* What an audit will look at, as far as that is known before it begins: so that two never look at the same at once. */
#ifndef LEASTPORT_AUDITD_REACH_H
#define LEASTPORT_AUDITD_REACH_H

#include "auditd/config/config.h"

#include <jansson.h>

struct scan_plan;

/* To be ended by reach_done(). All NULL: nothing is known. */
struct reach {
    char *realm;
    struct scan_plan *range; /* NULL: not known before names are resolved */
};

/* The request has passed request_check(). What cannot be planned is not known. */
void reach_find(const json_t *request, const struct config *config, struct reach *ret_reach);
void reach_done(struct reach *reach);

/* What is not known may be the same. */
bool reach_shares(const struct reach *one, const struct reach *other);

#endif
