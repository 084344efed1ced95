#include "web/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Tasks wait at it until it is opened. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_open;
    unsigned arrived;
    unsigned done;
};

static void pass(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->mutex);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    gate->done++;
    pthread_mutex_unlock(&gate->mutex);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void await(struct gate *gate, unsigned arrived)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->arrived < arrived) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void runs_all_that_it_took_and_refuses_the_rest(void **state)
{
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct worker_pool *pool = NULL;
    unsigned taken = WORKER_THREADS;
    (void)state;
    assert_int_equal(worker_pool_create(&pool), 0);
    for (unsigned i = 0; i < WORKER_THREADS; i++) {
        assert_true(worker_pool_run(pool, pass, &gate));
        await(&gate, i + 1);
    }
    while (worker_pool_run(pool, pass, &gate)) {
        taken++;
    }
    assert_int_equal(taken, WORKER_THREADS + WORKER_WAITING_MAX);
    open_gate(&gate);
    worker_pool_drain(pool);
    assert_int_equal(gate.done, taken);
    assert_false(worker_pool_run(pool, pass, &gate));
    worker_pool_destroy(pool);
    worker_pool_drain(NULL);
    worker_pool_destroy(NULL);
}

static void ends_with_what_waits_done(void **state)
{
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .is_open = true};
    struct worker_pool *pool = NULL;
    (void)state;
    assert_int_equal(worker_pool_create(&pool), 0);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(worker_pool_run(pool, pass, &gate));
    }
    worker_pool_destroy(pool);
    assert_int_equal(gate.done, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_all_that_it_took_and_refuses_the_rest),
        cmocka_unit_test(ends_with_what_waits_done),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
