#include "auditd/reach.h"

#include "auditd/request.h"
#include "auditd/scan_plan.h"

#include <stdlib.h>
#include <string.h>

void reach_find(const json_t *request, const struct config *config, struct reach *ret_reach)
{
    struct reach reach = {0};
    char reason[REQUEST_REASON_SIZE];
    const char *realm;
    json_t *plan;

    if (request_plan(request, config, &plan, reason) == 0) {
        realm = json_string_value(json_object_get(plan, "realm"));
        reach.realm = realm == NULL ? NULL : strdup(realm);
        if (scan_plan_create(plan, &reach.range, reason) < 0) {
            reach.range = NULL;
        }
        json_decref(plan);
    }
    *ret_reach = reach;
}

void reach_done(struct reach *reach)
{
    free(reach->realm);
    scan_plan_destroy(reach->range);
    *reach = (struct reach){0};
}

bool reach_shares(const struct reach *one, const struct reach *other)
{
    if (one->realm == NULL || other->realm == NULL) {
        return true;
    }
    return strcmp(one->realm, other->realm) == 0 &&
           (one->range == NULL || other->range == NULL || scan_plan_overlaps(one->range, other->range));
}
