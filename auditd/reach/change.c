#include "auditd/reach/change.h"

#include "auditd/reach/diff.h"

#include <errno.h>
#include <string.h>

bool reach_change_is_of_rules(const struct reach_model *before, const struct reach_model *after)
{
    bool same = before->enis.count == after->enis.count && before->balancers.count == after->balancers.count &&
                before->subnets.count == after->subnets.count;

    for (size_t i = 0; same && i < before->enis.count; i++) {
        same = strcmp(before->enis.items[i].id, after->enis.items[i].id) == 0 &&
               before->enis.items[i].addresses.count == after->enis.items[i].addresses.count;
    }
    return same;
}

static int tell_rows(const struct reach_rows *rows, bool opens, reach_change_fn *take, void *context)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        rc = take(context, opens, &rows->items[i]);
    }
    return rc;
}

static int tell_pair(const struct reach_rows *before, const struct reach_rows *after, reach_change_fn *take,
                     void *context)
{
    struct reach_rows opens = {0};
    struct reach_rows closes = {0};
    int rc = reach_diff(before, after, &opens);

    rc = rc == 0 ? reach_diff(after, before, &closes) : rc;
    rc = rc == 0 ? tell_rows(&opens, true, take, context) : rc;
    rc = rc == 0 ? tell_rows(&closes, false, take, context) : rc;
    reach_rows_done(&opens);
    reach_rows_done(&closes);
    return rc;
}

int reach_change_tell(const struct reach_change_side *before, const struct reach_change_side *after,
                      reach_change_fn *take, void *context)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < before->model->enis.count; i++) {
        rc =
            tell_pair(reach_surface_direct(before->surface, i), reach_surface_direct(after->surface, i), take, context);
    }
    for (uint32_t i = 0; rc == 0 && i < before->model->balancers.count; i++) {
        rc = tell_pair(reach_surface_through(before->surface, i), reach_surface_through(after->surface, i), take,
                       context);
    }
    return rc;
}

int reach_change_prove(struct reach_engine *engine, const struct reach_row *row, struct reach_proof *ret_proof)
{
    const struct span_set *sources = &row->cell.sources[REACH_REACHABLE];
    const struct reach_question question = {.from = REACH_FROM_WORLD,
                                            .eni = row->eni,
                                            .address = row->address,
                                            .proto = row->proto,
                                            .ports = row->cell.ports};

    if (row->balancer != REACH_NONE || sources->count == 0) {
        return -ENOENT;
    }
    return reach_prove(engine, &question, sources->items[0].first, row->cell.ports, ret_proof);
}
