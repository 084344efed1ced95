#include "web/deadline.h"

#include "lib/clock.h"
#include "web/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { DEADLINE_LOOK_MS = 250 };

struct deadline {
    struct deadline *next;
    struct deadline **link; /* what points here */
    int fd;
    struct mono_time due;
    bool is_over;
};

struct deadline_watch {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stops;
    struct deadline *first;
    struct metrics *metrics;
};

static void deadline_look(struct deadline_watch *watch)
{
    struct mono_time now = mono_now();

    for (struct deadline *deadline = watch->first; deadline != NULL; deadline = deadline->next) {
        if (deadline->is_over || now.ns < deadline->due.ns) {
            continue;
        }
        deadline->is_over = true;
        /* Counted before the peer can see it. */
        atomic_fetch_add(&watch->metrics->late_connections, 1);
        shutdown(deadline->fd, SHUT_RDWR);
    }
}

static void *deadline_run(void *context)
{
    struct deadline_watch *watch = context;

    pthread_mutex_lock(&watch->mutex);
    while (!watch->stops) {
        struct mono_time until = mono_add_ns(mono_now(), DEADLINE_LOOK_MS * UINT64_C(1000000));
        struct timespec time = {.tv_sec = (time_t)(until.ns / UINT64_C(1000000000)),
                                .tv_nsec = (long)(until.ns % UINT64_C(1000000000))};
        pthread_cond_timedwait(&watch->wake, &watch->mutex, &time);
        deadline_look(watch);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

int deadline_watch_create(struct metrics *metrics, struct deadline_watch **ret_watch)
{
    struct deadline_watch *watch = calloc(1, sizeof(*watch));
    pthread_condattr_t attributes;
    int rc;

    if (watch == NULL) {
        return -ENOMEM;
    }
    watch->metrics = metrics;
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    rc = pthread_create(&watch->thread, NULL, deadline_run, watch);
    if (rc != 0) {
        pthread_cond_destroy(&watch->wake);
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
        return -rc;
    }
    *ret_watch = watch;
    return 0;
}

void deadline_watch_destroy(struct deadline_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    watch->stops = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

struct deadline *deadline_add(struct deadline_watch *watch, int fd, uint32_t allowed_ms)
{
    struct deadline *deadline = calloc(1, sizeof(*deadline));

    if (deadline == NULL) {
        return NULL;
    }
    deadline->fd = fd;
    deadline->due = mono_add_ns(mono_now(), allowed_ms * UINT64_C(1000000));
    pthread_mutex_lock(&watch->mutex);
    deadline->next = watch->first;
    deadline->link = &watch->first;
    if (watch->first != NULL) {
        watch->first->link = &deadline->next;
    }
    watch->first = deadline;
    pthread_mutex_unlock(&watch->mutex);
    return deadline;
}

void deadline_set(struct deadline_watch *watch, struct deadline *deadline, uint32_t allowed_ms)
{
    if (deadline == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    deadline->due = mono_add_ns(mono_now(), allowed_ms * UINT64_C(1000000));
    pthread_mutex_unlock(&watch->mutex);
}

void deadline_shorten(struct deadline_watch *watch, struct deadline *deadline, uint32_t allowed_ms)
{
    struct mono_time due = mono_add_ns(mono_now(), allowed_ms * UINT64_C(1000000));

    if (deadline == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    if (due.ns < deadline->due.ns) {
        deadline->due = due;
    }
    pthread_mutex_unlock(&watch->mutex);
}

void deadline_remove(struct deadline_watch *watch, struct deadline *deadline)
{
    if (deadline == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    *deadline->link = deadline->next;
    if (deadline->next != NULL) {
        deadline->next->link = deadline->link;
    }
    pthread_mutex_unlock(&watch->mutex);
    free(deadline);
}
