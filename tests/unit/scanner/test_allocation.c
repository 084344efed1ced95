/* Every allocation of every create/destroy pair fails once: no crash, no leak, -ENOMEM. */
#include "scanner/hostgroup.h"
#include "scanner/output/outputs.h"
#include "scanner/plan.h"
#include "scanner/state.h"
#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* When an allocation failed, the call must have said so. */
static int judge(int rc)
{
    if (alloc_failed) {
        assert_int_equal(rc, -ENOMEM);
    } else {
        assert_int_equal(rc, 0);
    }
    return rc;
}

static int run_services(void)
{
    struct services *services = services_create();
    int rc = services == NULL ? -ENOMEM : 0;

    services_destroy(services);
    return judge(rc);
}

static int run_targets(void)
{
    static const char *const texts[] = {"10.0.0.1", "[fd00::]/64:22", "db.example:https", "10.0.0.1-9"};
    struct targets *targets = targets_create();
    struct problem problem;
    int rc = targets == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < 20; i++) {
        rc = targets_add(targets, texts[i % 4], NULL, &problem);
    }
    targets_destroy(targets);
    return judge(rc);
}

static int run_scope(void)
{
    struct scope_options options = {0};
    struct scope *scope = NULL;
    int rc = scope_create(&options, &scope);

    scope_destroy(scope);
    return judge(rc);
}

static int fake_resolve(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    (void)context;
    (void)name;
    addrs[0] = addr_loopback(false);
    *ret_count = 1;
    return 0;
}

/* jansson's own allocations are left alone: its NULLs mean a missing value too. */
static int run_plan(void)
{
    static const char text[] =
        "{\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"22,80\","
        "\"probes\":[\"connect\"],\"targets\":[\"10.0.0.0/24\",\"10.0.0.7:443\",\"db.example\"],"
        "\"exclude\":[\"10.0.0.9\"],\"never_scan\":[\"10.0.0.16/28\"],\"scope\":[\"10.0.0.0/8\"],"
        "\"watch\":[{\"host\":\"10.0.0.3\",\"proto\":\"tcp\",\"port\":9}]}";
    struct plan_means means = plan_means_default();
    struct problem problem;
    struct plan *plan = NULL;
    struct hostgroup *group = NULL;
    int rc;

    means.resolver = (struct resolver){.resolve = fake_resolve};
    rc = plan_from_json(text, sizeof(text) - 1, &means, &plan, &problem);
    if (rc == 0) {
        rc = hostgroup_create(plan_space(plan), 0, &group);
    }
    hostgroup_destroy(group);
    plan_destroy(plan);
    return judge(rc);
}

static int run_outputs(void)
{
    struct observation_not_shown rest = {"tcp", PORT_CLOSED, REASON_RESET, 2, "23,25"};
    struct outputs_options options = {.scan_id = "id"};
    struct outputs *outputs = outputs_create(&options);
    struct observation port = {.type = OBSERVATION_PORT};
    struct observation host = {.type = OBSERVATION_HOST};
    struct problem problem;
    int rc = outputs == NULL ? -ENOMEM : 0;

    port.port = (struct observation_port){.host = addr_loopback(false), .proto = "tcp", .port = 22};
    host.host =
        (struct observation_host){.host = addr_loopback(false), .up = true, .not_shown = &rest, .not_shown_count = 1};
    if (rc == 0) {
        rc = outputs_add(outputs, "xml:/dev/null", &problem);
    }
    if (rc == 0) {
        rc = outputs_add(outputs, "table:/dev//null", &problem);
    }
    if (rc == 0) {
        rc = outputs_add(outputs, "jsonl:/dev/./null", &problem);
    }
    if (rc == 0) {
        outputs_write(outputs, &port);
        outputs_write(outputs, &host);
        rc = outputs_close(outputs);
    }
    outputs_destroy(outputs);
    return judge(rc);
}

static char path[64];

static int run_state(void)
{
    struct state_head head = {.plan_json = "{}", .plan_hash = "h", .scan_id = "id"};
    struct observation notice = {.type = OBSERVATION_NOTICE};
    struct state_mark mark = {.slab = 1, .totals = "T", .totals_size = 1};
    struct problem problem;
    struct state *journal = NULL;
    int rc = state_create(path, &head, true, &journal, &problem);

    notice.notice = (struct observation_notice){.code = "c", .message = "m"};
    if (rc == 0) {
        rc = state_append(journal, &notice, &problem);
    }
    if (rc == 0) {
        rc = state_checkpoint(journal, &mark, &problem);
    }
    state_close(journal);
    journal = NULL;
    if (rc == 0) {
        rc = state_open(path, &journal, &problem);
    }
    state_close(journal);
    return judge(rc);
}

static void services_survive(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_services) > 0);
}

static void targets_survive(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_targets) > 20);
}

static void scope_survives(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_scope) > 2);
}

static void plan_survives(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_plan) > 20);
}

static void outputs_survive(void **state)
{
    (void)state;
    assert_true(alloc_count_down(run_outputs) > 10);
}

static void state_survives(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/leastport-allocation-%ld.state", (long)getpid());
    assert_true(alloc_count_down(run_state) > 8);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_survive), cmocka_unit_test(targets_survive), cmocka_unit_test(scope_survives),
        cmocka_unit_test(plan_survives),    cmocka_unit_test(outputs_survive), cmocka_unit_test(state_survives),
    };
    return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
