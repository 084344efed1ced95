/* What of its targets a plan may probe: the exclusions and the never-scan list taken from them, and the guard of it. */
#include "scanner/plan_inner.h"

#include <errno.h>
#include <string.h>

/* Calls back for each range that a target stands for. */
typedef int plan_range_fn(struct space_builder *builder, const struct addr *first, const struct addr *last,
                          const struct portset *ports);

static int plan_add_target(const struct plan *plan, struct space_builder *builder, const struct target *target,
                           const struct portset *otherwise, plan_range_fn *add)
{
    struct portset own;
    const struct portset *ports = otherwise;
    struct addr addr;
    size_t offset;
    int rc = 0;

    if (target->ports != NULL) {
        rc = portset_parse(target->ports, &own, &offset);
        ports = &own;
    }
    if (rc == 0 && target->name == NULL) {
        return add(builder, &target->first, &target->last, ports);
    }
    for (size_t i = 0; rc == 0 && plan_resolved(plan, target->name, i, &addr); i++) {
        rc = add(builder, &addr, &addr, ports);
    }
    return rc;
}

/* A link-local range without a zone stands for that range on every interface: it is excluded in each zone that a target
 * has. */
static int plan_exclude(const struct plan *plan, struct space_builder *builder, const struct addr *first,
                        const struct addr *last, const struct portset *ports)
{
    uint32_t done = 0;
    int rc = space_builder_exclude(builder, first, last, ports);

    if (first->zone != 0 || !first->is_ipv6) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.targets); i++) {
        struct addr from = *first;
        struct addr to = *last;
        from.zone = targets_at(plan->doc.targets, i)->first.zone;
        to.zone = from.zone;
        if (from.zone != 0 && from.zone != done) {
            rc = space_builder_exclude(builder, &from, &to, ports);
            done = from.zone;
        }
    }
    return rc;
}

static int plan_exclude_target(const struct plan *plan, struct space_builder *builder, const struct target *target)
{
    struct portset own;
    size_t offset;
    int rc;

    if (target->name != NULL) {
        return plan_add_target(plan, builder, target, NULL, space_builder_exclude);
    }
    if (target->ports == NULL) {
        return plan_exclude(plan, builder, &target->first, &target->last, NULL);
    }
    rc = portset_parse(target->ports, &own, &offset);
    return rc < 0 ? rc : plan_exclude(plan, builder, &target->first, &target->last, &own);
}

/* Within a range or a prefix they are left out without a word: who writes 10.0.0.0/8 or ::/64 means its hosts. */
static int plan_exclude_hostless(struct space_builder *builder)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && scope_hostless_at(i) != NULL; i++) {
        const struct prefix *prefix = &scope_hostless_at(i)->prefix;
        struct addr last = prefix_last(prefix);
        rc = space_builder_exclude(builder, &prefix->addr, &last, NULL);
    }
    return rc;
}

static int plan_fill_space(const struct plan *plan, struct space_builder *builder)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.targets); i++) {
        rc = plan_add_target(plan, builder, targets_at(plan->doc.targets, i), &plan->doc.ports, space_builder_add);
    }
    for (size_t i = 0; rc == 0 && i < plan->watch_count; i++) {
        struct portset port = {0};
        portset_add(&port, plan->watch[i].port);
        rc = space_builder_add(builder, &plan->watch[i].addr, &plan->watch[i].addr, &port);
    }
    for (size_t i = 0; rc == 0 && i < targets_count(plan->doc.exclude); i++) {
        rc = plan_exclude_target(plan, builder, targets_at(plan->doc.exclude, i));
    }
    return rc == 0 ? plan_exclude_hostless(builder) : rc;
}

/* The first range of the space from *index on that ends at `at` or behind it; false when there is none. */
static bool plan_range_from(const struct space *space, size_t *index, const struct addr *at, struct addr *ret_first,
                            struct addr *ret_last)
{
    for (; *index < space_ranges(space); ++*index) {
        space_range(space, *index, ret_first, ret_last);
        if (addr_compare(ret_last, at) >= 0) {
            return true;
        }
    }
    return false;
}

/* Appends to `named` what of first..last is not in the space; false when there is no room for all. */
static bool plan_name_gaps(struct plan *plan, size_t *index, const struct addr *first, const struct addr *last)
{
    struct addr at = *first;
    bool more = true;

    while (more && addr_compare(&at, last) <= 0) {
        struct addr from;
        struct addr to;
        if (plan_range_from(plan->space, index, &at, &from, &to) && addr_compare(&from, &at) <= 0) {
            at = to;
        } else if (plan->never_scan_named_count == PLAN_NAMED_MOST) {
            return false;
        } else {
            plan->never_scan_named[plan->never_scan_named_count++] = at;
        }
        more = addr_add(&at, 1);
    }
    return true;
}

static void plan_name_never_scan(struct plan *plan, const struct space *before)
{
    size_t index = 0;
    bool room = plan->never_scan_hosts <= PLAN_NAMED_MOST;

    for (size_t i = 0; room && i < space_ranges(before); i++) {
        struct addr first;
        struct addr last;
        space_range(before, i, &first, &last);
        room = plan_name_gaps(plan, &index, &first, &last);
    }
    if (!room || plan->never_scan_named_count != plan->never_scan_hosts) {
        plan->never_scan_named_count = 0;
    }
}

/* The never-scan list comes last, so that what it takes away can be counted. */
static int plan_build_never_scan(struct plan *plan, struct space_builder *builder, struct problem *problem)
{
    uint64_t hosts = space_hosts(plan->space);
    struct space *before = plan->space;
    int rc = 0;

    if (plan->doc.never_scan.count == 0) {
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < plan->doc.never_scan.count; i++) {
        struct addr last = prefix_last(&plan->doc.never_scan.items[i]);
        rc = plan_exclude(plan, builder, &plan->doc.never_scan.items[i].addr, &last, NULL);
    }
    if (rc < 0) {
        return plan_out_of_memory(problem);
    }
    plan->space = NULL;
    rc = space_build(builder, plan->doc.slab, &plan->space, problem);
    if (rc == 0) {
        plan->never_scan_hosts = hosts != UINT64_MAX ? hosts - space_hosts(plan->space) : UINT64_MAX;
        plan_name_never_scan(plan, before);
    }
    space_destroy(before);
    return rc;
}

int plan_build_space(struct plan *plan, struct problem *problem)
{
    struct space_builder *builder = space_builder_create();
    int rc;

    if (builder == NULL) {
        return plan_out_of_memory(problem);
    }
    rc = plan_fill_space(plan, builder);
    if (rc < 0) {
        rc = plan_out_of_memory(problem);
        goto done;
    }
    rc = space_build(builder, plan->doc.slab, &plan->space, problem);
    if (rc == 0) {
        rc = plan_build_never_scan(plan, builder, problem);
    }
    if (rc == 0 && space_slabs(plan->space) == 0) {
        rc = problem_set(problem, -EINVAL,
                         plan->never_scan_hosts > 0
                             ? "nothing is left to scan: every target is excluded or on the never-scan list"
                             : "nothing is left to scan: every target is excluded or has no address");
    }
done:
    space_builder_destroy(builder);
    return rc;
}

int plan_scope(const struct plan *plan, const struct addr *own, size_t own_count, struct scope **ret_scope)
{
    struct scope_options options = {.allowed = plan->doc.scope.items,
                                    .allowed_count = plan->doc.scope.count,
                                    .own = own,
                                    .own_count = own_count,
                                    .never = plan->doc.never_scan.items,
                                    .never_count = plan->doc.never_scan.count};

    return scope_create(&options, ret_scope);
}

int plan_check_scope(const struct plan *plan, const struct scope *scope, struct problem *problem)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < space_ranges(plan->space); i++) {
        struct addr first;
        struct addr last;
        space_range(plan->space, i, &first, &last);
        rc = scope_permits_range(scope, &first, &last, problem);
    }
    if (rc == 0 && plan->doc.has_canary) {
        rc = scope_permits(scope, &plan->canary, problem);
    }
    return rc;
}
