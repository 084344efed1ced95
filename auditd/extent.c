#include "auditd/extent.h"

#include "auditd/request.h"
#include "auditd/scan_plan.h"

#include <stdlib.h>
#include <string.h>

void extent_find(const json_t *request, const struct config *config, struct extent *ret_extent)
{
    struct extent extent = {0};
    char reason[REQUEST_REASON_SIZE];
    const char *realm;
    json_t *plan;

    if (request_plan(request, config, &plan, reason) == 0) {
        realm = json_string_value(json_object_get(plan, "realm"));
        extent.realm = realm == NULL ? NULL : strdup(realm);
        if (scan_plan_create(plan, &extent.range, reason) < 0) {
            extent.range = NULL;
        }
        json_decref(plan);
    }
    *ret_extent = extent;
}

void extent_done(struct extent *extent)
{
    free(extent->realm);
    scan_plan_destroy(extent->range);
    *extent = (struct extent){0};
}

bool extent_shares(const struct extent *one, const struct extent *other)
{
    if (one->realm == NULL || other->realm == NULL) {
        return true;
    }
    return strcmp(one->realm, other->realm) == 0 &&
           (one->range == NULL || other->range == NULL || scan_plan_overlaps(one->range, other->range));
}
