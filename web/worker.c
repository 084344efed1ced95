#include "web/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct worker_task {
    void (*run)(void *context);
    void *context;
};

struct worker_pool {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t threads[WORKER_THREADS];
    size_t thread_count;
    struct worker_task waiting[WORKER_WAITING_MAX]; /* a ring */
    size_t first;
    size_t waiting_count;
    size_t running_count;
    bool is_closed;
    bool is_ending;
};

/* False: the thread is to end. */
static bool worker_take(struct worker_pool *pool, struct worker_task *ret_task)
{
    while (pool->waiting_count == 0 && !pool->is_ending) {
        pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    if (pool->waiting_count == 0) {
        return false;
    }
    *ret_task = pool->waiting[pool->first];
    pool->first = (pool->first + 1) % WORKER_WAITING_MAX;
    pool->waiting_count--;
    pool->running_count++;
    return true;
}

static void *worker_main(void *context)
{
    struct worker_pool *pool = context;
    struct worker_task task;

    pthread_mutex_lock(&pool->mutex);
    while (worker_take(pool, &task)) {
        pthread_mutex_unlock(&pool->mutex);
        task.run(task.context);
        pthread_mutex_lock(&pool->mutex);
        pool->running_count--;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

int worker_pool_create(struct worker_pool **ret_pool)
{
    struct worker_pool *pool = calloc(1, sizeof(*pool));
    int rc = pool == NULL ? ENOMEM : 0;

    if (pool == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    while (rc == 0 && pool->thread_count < WORKER_THREADS) {
        rc = pthread_create(&pool->threads[pool->thread_count], NULL, worker_main, pool);
        pool->thread_count += rc == 0 ? 1 : 0;
    }
    if (rc != 0) {
        worker_pool_destroy(pool);
        return -rc;
    }
    *ret_pool = pool;
    return 0;
}

void worker_pool_drain(struct worker_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->is_closed = true;
    while (pool->waiting_count + pool->running_count > 0) {
        pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

void worker_pool_destroy(struct worker_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->is_closed = true;
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

bool worker_pool_run(struct worker_pool *pool, void (*run)(void *context), void *context)
{
    bool is_taken;

    pthread_mutex_lock(&pool->mutex);
    is_taken = !pool->is_closed && pool->waiting_count < WORKER_WAITING_MAX;
    if (is_taken) {
        pool->waiting[(pool->first + pool->waiting_count) % WORKER_WAITING_MAX] =
            (struct worker_task){.run = run, .context = context};
        pool->waiting_count++;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return is_taken;
}
