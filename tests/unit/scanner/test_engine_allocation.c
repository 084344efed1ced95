/* Every allocation of the engine's create/destroy pairs fails once: no crash, no leak, -ENOMEM. */
#include "scanner/connect.h"
#include "scanner/own.h"
#include "scanner/slab.h"
#include "scanner/sweep.h"
#include "scanner/timers.h"
#include "scanner/totals.h"
#include "tests/unit/alloc_countdown.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t shape[] = {0, 10, 30};

/* When an allocation failed, the call must have said so. */
static int judge(int rc)
{
    assert_int_equal(rc, alloc_failed ? -ENOMEM : 0);
    return rc;
}

static int run_slab(void)
{
    struct slab *slab = NULL;
    struct slab *back = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = slab_create(shape, 2, &slab);

    if (rc == 0) {
        rc = slab_serialise(slab, &bytes, &size);
    }
    if (rc == 0) {
        rc = slab_create(shape, 2, &back);
    }
    if (rc == 0) {
        rc = slab_restore(back, bytes, size);
    }
    free(bytes);
    slab_destroy(slab);
    slab_destroy(back);
    return judge(rc);
}

static uint32_t capacity(void *engine)
{
    (void)engine;
    return 16;
}

static int run_sweep(void)
{
    static const struct probe_engine_ops ops = {.capacity = capacity};
    static const uint8_t seed[PERMUTATION_SEED_BYTES] = {0};
    struct permutation order;
    struct sweep_options options = {.order = &order, .shard_count = 1, .ops = &ops};
    struct sweep *sweep = NULL;
    int rc = slab_create(shape, 2, &options.slab);

    permutation_init(&order, seed, 0, shape[2]);
    if (rc == 0) {
        rc = sweep_create(&options, &sweep);
    }
    sweep_destroy(sweep);
    slab_destroy(options.slab);
    return judge(rc);
}

static int run_timers(void)
{
    struct timers *timers = timers_create(100);
    int rc = timers == NULL ? -ENOMEM : 0;

    timers_destroy(timers);
    return judge(rc);
}

static int run_connect(void)
{
    struct connect_options options = {.sockets = 4, .wake_fd = -1};
    struct connect_engine *engine = NULL;
    int rc = connect_create(&options, &engine);

    connect_destroy(engine);
    return judge(rc);
}

static int run_own(void)
{
    struct own *own = NULL;
    int rc = own_create(&own);

    if (rc == 0) {
        rc = own_read_listeners(own);
    }
    own_destroy(own);
    return judge(rc);
}

static int run_totals(void)
{
    struct totals totals = {.sent = 1};
    char *text = totals_format(&totals);
    int rc = text == NULL ? -ENOMEM : 0;

    free(text);
    return rc;
}

static void every_allocation_may_fail(void **state)
{
    static int (*const runs[])(void) = {run_slab, run_sweep, run_timers, run_connect, run_own, run_totals};
    (void)state;
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        assert_true(alloc_count_down(runs[i]) >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
