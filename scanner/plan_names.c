/* The names of a plan: what they resolve to, which of its addresses bear one, and which have lost theirs since. */
#include "scanner/plan_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Told, or an error, as plan_means says. */
static int plan_unresolved(const struct plan_means *means, const char *name, int rc, bool vital,
                           struct problem *problem)
{
    char message[PLAN_DOC_HOST_SIZE + 128];

    if (vital || means->notice == NULL || rc == -ENOMEM) {
        return problem_set(problem, rc, "%s does not resolve to an address: %s", name,
                           rc == -ENOENT ? "no such name, or one without addresses; correct it or leave it out"
                                         : strerror(-rc));
    }
    snprintf(message, sizeof(message), "%s does not resolve to an address (%s): it is left out", name,
             rc == -ENOENT ? "no such name, or one without addresses" : strerror(-rc));
    means->notice(means->context, "name-unresolved", name, message);
    return 0;
}

/* `vital`: without its addresses the plan would do what was not meant. */
static int plan_resolve_name(struct plan *plan, const struct plan_means *means, const char *name, bool vital,
                             struct problem *problem)
{
    const json_t *known = json_object_get(plan->doc.resolved, name);
    struct addr addrs[RESOLVER_MAX_ADDRS];
    size_t count = 0;
    json_t *array;
    int rc;

    if (known != NULL) {
        return vital && json_array_size(known) == 0 ? plan_unresolved(means, name, -ENOENT, true, problem) : 0;
    }
    rc = means->resolver.resolve(means->resolver.context, name, addrs, &count);
    if (rc < 0) {
        rc = plan_unresolved(means, name, rc, vital, problem);
        count = 0;
    }
    if (rc < 0) {
        return rc;
    }
    array = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_SIZE];
        if (json_array_append_new(array, json_string(addr_format(&addrs[i], text))) < 0) {
            json_decref(array);
            return plan_out_of_memory(problem);
        }
    }
    return json_object_set_new(plan->doc.resolved, name, array) < 0 ? plan_out_of_memory(problem) : 0;
}

static int plan_resolve_targets(struct plan *plan, const struct plan_means *means, const struct targets *targets,
                                bool vital, struct problem *problem)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < targets_count(targets); i++) {
        if (targets_at(targets, i)->name != NULL) {
            rc = plan_resolve_name(plan, means, targets_at(targets, i)->name, vital, problem);
        }
    }
    return rc;
}

/* The vital ones first: a name may be both. */
int plan_resolve(struct plan *plan, const struct plan_means *means, struct problem *problem)
{
    int rc = plan_resolve_targets(plan, means, plan->doc.exclude, true, problem);

    if (rc == 0 && plan->doc.has_canary && plan->doc.canary.is_name) {
        rc = plan_resolve_name(plan, means, plan->doc.canary.host, true, problem);
    }
    if (rc == 0) {
        rc = plan_resolve_targets(plan, means, plan->doc.targets, false, problem);
    }
    for (size_t i = 0; rc == 0 && i < plan->doc.watch_count; i++) {
        if (plan->doc.watch[i].is_name) {
            rc = plan_resolve_name(plan, means, plan->doc.watch[i].host, false, problem);
        }
    }
    return rc;
}

bool plan_resolved(const struct plan *plan, const char *name, size_t index, struct addr *ret_addr)
{
    const char *text = json_string_value(json_array_get(json_object_get(plan->doc.resolved, name), index));

    return text != NULL && addr_parse(text, ret_addr) == 0;
}

static int plan_host_compare(const void *left, const void *right)
{
    const struct plan_host *a = left;
    const struct plan_host *b = right;
    int order = addr_compare(&a->addr, &b->addr);

    return order != 0 ? order : strcmp(a->name, b->name);
}

int plan_index_hosts(struct plan *plan, struct problem *problem)
{
    const char *name;
    json_t *addrs;
    size_t room = 1;

    json_object_foreach(plan->doc.resolved, name, addrs)
    {
        room += json_array_size(addrs);
    }
    plan->hosts = calloc(room, sizeof(*plan->hosts));
    if (plan->hosts == NULL) {
        return plan_out_of_memory(problem);
    }
    json_object_foreach(plan->doc.resolved, name, addrs)
    {
        struct addr addr;
        for (size_t i = 0; plan_resolved(plan, name, i, &addr); i++) {
            plan->hosts[plan->host_count++] = (struct plan_host){.addr = addr, .name = name};
        }
    }
    qsort(plan->hosts, plan->host_count, sizeof(*plan->hosts), plan_host_compare);
    return 0;
}

/* The first entry of that address, or NULL. */
static struct plan_host *plan_find_host(const struct plan *plan, const struct addr *addr)
{
    size_t low = 0;
    size_t high = plan->host_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addr_compare(&plan->hosts[middle].addr, addr) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < plan->host_count && addr_equal(&plan->hosts[low].addr, addr) ? &plan->hosts[low] : NULL;
}

const char *plan_name(const struct plan *plan, const struct addr *addr)
{
    const struct plan_host *host = plan_find_host(plan, addr);

    return host == NULL ? NULL : host->name;
}

static bool plan_covers_range(const struct plan *plan, const struct addr *addr)
{
    for (size_t i = 0; i < targets_count(plan->doc.targets); i++) {
        const struct target *target = targets_at(plan->doc.targets, i);
        if (target->name == NULL && target->first.zone == addr->zone && addr_compare(&target->first, addr) <= 0 &&
            addr_compare(addr, &target->last) <= 0) {
            return true;
        }
    }
    return false;
}

/* Marks the addresses of `name` that it has no more. */
static void plan_refresh_name(struct plan *plan, const char *name, const struct addr *addrs, size_t count)
{
    struct addr addr;

    for (size_t i = 0; plan_resolved(plan, name, i, &addr); i++) {
        struct plan_host *host = plan_find_host(plan, &addr);
        bool still = false;
        for (size_t j = 0; !still && j < count; j++) {
            still = addr_equal(&addrs[j], &addr);
        }
        still = still || plan_covers_range(plan, &addr);
        for (; host < plan->hosts + plan->host_count && addr_equal(&host->addr, &addr); host++) {
            host->skipped = host->name == name ? !still : host->skipped;
        }
    }
}

/* An address is skipped only when every name that gave it has lost it. */
bool plan_is_skipped(const struct plan *plan, const struct addr *addr)
{
    const struct plan_host *host = plan_find_host(plan, addr);

    if (host == NULL) {
        return false;
    }
    for (; host < plan->hosts + plan->host_count && addr_equal(&host->addr, addr); host++) {
        if (!host->skipped) {
            return false;
        }
    }
    return true;
}

int plan_refresh(struct plan *plan, const struct resolver *resolver, plan_notice_fn *notice, void *context)
{
    const char *name;
    json_t *old;

    json_object_foreach(plan->doc.resolved, name, old)
    {
        struct addr addrs[RESOLVER_MAX_ADDRS];
        size_t count = 0;
        int rc = resolver->resolve(resolver->context, name, addrs, &count);
        char message[PLAN_DOC_HOST_SIZE + 128];
        if (rc == -ENOMEM) {
            return rc;
        }
        if (rc < 0) {
            count = 0;
            snprintf(message, sizeof(message), "%s does not resolve now (%s): its addresses are not probed", name,
                     strerror(-rc));
            notice(context, "name-unresolved", name, message);
        }
        plan_refresh_name(plan, name, addrs, count);
    }
    for (size_t i = 0; i < plan->host_count; i++) {
        const struct plan_host *host = &plan->hosts[i];
        char text[ADDR_TEXT_SIZE];
        char message[PLAN_DOC_HOST_SIZE + 128];
        bool first = i == 0 || !addr_equal(&plan->hosts[i - 1].addr, &host->addr);
        if (first && plan_is_skipped(plan, &host->addr)) {
            addr_format(&host->addr, text);
            snprintf(message, sizeof(message), "%s is no longer an address of %s: it is not probed", text, host->name);
            notice(context, "address-gone", text, message);
        }
    }
    return 0;
}
