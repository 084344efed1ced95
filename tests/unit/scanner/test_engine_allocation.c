/* Every allocation of the engine's create/destroy pairs fails once: no crash, no leak, -ENOMEM. */
#include "scanner/connect.h"
#include "scanner/connect_pool.h"
#include "scanner/own.h"
#include "scanner/ring.h"
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

static int run_ring(void)
{
    struct ring *ring = ring_create(100);
    int rc = ring == NULL ? -ENOMEM : 0;

    ring_destroy(ring);
    return judge(rc);
}

struct pool_bench {
    int answers;
    int short_error;
};

static void count_answer(void *context, const struct connect_answer *answer)
{
    (void)answer;
    ((struct pool_bench *)context)->answers++;
}

static void keep_error(void *context, uint32_t wanted, uint32_t started, int error)
{
    struct pool_bench *bench = context;

    assert_true(started < wanted);
    bench->short_error = error;
}

/* Enough to do for three threads to start; all is answered, however many there are. */
static void keep_busy(struct connect_pool *pool, const struct pool_bench *bench)
{
    struct addr addr = addr_loopback(false);
    int sent = 0;

    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 32; i++, sent++) {
            uint32_t handle;
            assert_int_equal(connect_pool_ops()->send(pool, 0, &addr, 9, &handle), 0);
        }
        assert_int_equal(connect_pool_poll(pool, (struct mono_time){0}), 0);
    }
    for (int i = 0; i < 100 && bench->answers < sent; i++) {
        assert_int_equal(connect_pool_poll(pool, mono_add_ns(mono_now(), 100000000)), 0);
    }
    assert_int_equal(bench->answers, sent);
}

/* A thread that cannot be had is done without, and that is said. */
static int run_pool(void)
{
    static struct prefix loopback;
    struct scope_options scoped = {.allowed = &loopback, .allowed_count = 1};
    struct scope *scope = NULL;
    struct pool_bench bench = {0};
    struct connect_pool_options options = {
        .descriptors = 1000,
        .threads = 3,
        .wake_fd = -1,
        .listener = {.answered = count_answer, .short_of_threads = keep_error, .context = &bench}};
    struct connect_pool *pool = NULL;
    int rc = prefix_parse("127.0.0.1", &loopback);

    if (rc == 0) {
        rc = scope_create(&scoped, &scope);
    }
    options.scope = scope;
    if (rc == 0) {
        rc = connect_pool_create(&options, &pool);
    }
    if (rc == 0) {
        keep_busy(pool, &bench);
        rc = bench.short_error == EAGAIN ? -ENOMEM : -bench.short_error;
    }
    connect_pool_destroy(pool);
    scope_destroy(scope);
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
    static int (*const runs[])(void) = {run_slab, run_sweep, run_timers, run_connect,
                                        run_ring, run_pool,  run_own,    run_totals};
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
