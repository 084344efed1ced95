/* Plans in JSON. Names resolve to fixed addresses: nothing is asked of any resolver. */
#include "scanner/hostgroup.h"
#include "scanner/plan.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int resolve(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    (void)context;
    if (name[0] == 'x') {
        return -ENOENT;
    }
    addrs[0] = addr_loopback(false);
    addrs[1] = addr_loopback(true);
    *ret_count = name[0] == 'd' ? 2 : 1;
    return 0;
}

static void hear(void *context, const char *code, const char *host, const char *message)
{
    (void)context;
    assert(code != NULL && message != NULL);
    (void)host;
}

/* The contract: plan_json() is canonical, so it is its own fixed point. */
static void check_canonical(const struct plan *plan, const struct plan_means *means)
{
    struct problem problem = {{0}};
    struct plan *again = NULL;

    assert(plan_from_json(plan_json(plan), strlen(plan_json(plan)), means, &again, &problem) == 0);
    assert(strcmp(plan_hash(plan), plan_hash(again)) == 0 && strcmp(plan_json(plan), plan_json(again)) == 0);
    plan_destroy(again);
}

static void check_space(const struct plan *plan)
{
    const struct space *space = plan_space(plan);
    struct hostgroup *group;
    struct permutation permutation;
    struct addr addr;
    uint32_t host;
    uint16_t port;

    assert(space_slabs(space) > 0 && space_hosts(space) > 0);
    assert(plan_probes(plan) <= space_probes(space));
    assert(hostgroup_create(space, space_slabs(space) - 1, &group) == 0);
    assert(hostgroup_probes(group) > 0 && hostgroup_hosts(group) > 0);
    permutation = plan_permutation(plan, space_slabs(space) - 1, hostgroup_probes(group));
    hostgroup_probe(group, (uint32_t)permutation_index(&permutation, 0), &host, &port);
    addr = hostgroup_addr(group, host);
    assert(space_has(space, &addr, port));
    assert(hostgroup_find(group, &addr, port) == (int64_t)permutation_index(&permutation, 0));
    (void)plan_is_watched(plan, &addr, port);
    (void)plan_name(plan, &addr);
    hostgroup_destroy(group);
}

static void check_scope(struct plan *plan, const struct resolver *resolver)
{
    const struct addr own = addr_loopback(false);
    struct problem problem = {{0}};
    struct scope *scope;
    struct addr addr;
    uint16_t port;

    (void)plan_canary(plan, &addr, &port);
    (void)plan_never_scan_hosts(plan);
    assert(plan_scope(plan, &own, 1, &scope) == 0);
    assert(plan_check_scope(plan, scope, &problem) == 0 || problem.text[0] != '\0');
    scope_destroy(scope);
    assert(plan_refresh(plan, resolver, hear, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_means means = plan_means_default();
    struct problem problem = {{0}};
    struct plan *plan = NULL;
    int rc;

    means.resolver = (struct resolver){.resolve = resolve};
    means.notice = hear;
    rc = plan_from_json((const char *)data, size, &means, &plan, &problem);
    if (rc < 0) {
        assert(plan == NULL && problem.text[0] != '\0');
        return 0;
    }
    check_canonical(plan, &means);
    check_space(plan);
    check_scope(plan, &means.resolver);
    plan_destroy(plan);
    return 0;
}
