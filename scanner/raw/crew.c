#include "scanner/raw/crew.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct hand {
    struct crew *crew;
    pthread_t thread;
    uint32_t number;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t begin;
    pthread_cond_t end;
    crew_work_fn *work;
    void *context;
    uint64_t turn;
    uint32_t working;
    uint32_t count;
    bool over;
    struct hand hands[];
};

static void *hand_main(void *context)
{
    struct hand *hand = context;
    struct crew *crew = hand->crew;
    uint64_t turn = 0;

    pthread_mutex_lock(&crew->lock);
    for (;;) {
        crew_work_fn *work;
        void *of;
        while (crew->turn == turn && !crew->over) {
            pthread_cond_wait(&crew->begin, &crew->lock);
        }
        if (crew->over) {
            break;
        }
        turn = crew->turn;
        work = crew->work;
        of = crew->context;
        pthread_mutex_unlock(&crew->lock);
        work(of, hand->number);
        pthread_mutex_lock(&crew->lock);
        if (--crew->working == 0) {
            pthread_cond_signal(&crew->end);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Signals are the main thread's. */
static int start_hands(struct crew *crew, uint32_t count)
{
    sigset_t all;
    sigset_t before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (error == 0 && crew->count < count) {
        struct hand *hand = &crew->hands[crew->count];
        hand->crew = crew;
        hand->number = crew->count;
        error = pthread_create(&hand->thread, NULL, hand_main, hand);
        crew->count += error == 0 ? 1 : 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

int crew_create(uint32_t count, struct crew **ret_crew, struct problem *problem)
{
    struct crew *crew = calloc(1, sizeof(*crew) + count * sizeof(crew->hands[0]));
    int rc;

    if (crew == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->begin, NULL);
    pthread_cond_init(&crew->end, NULL);
    rc = start_hands(crew, count);
    if (crew->count == 0) {
        crew_destroy(crew);
        return problem_set(problem, rc, "starting a thread to send by: %s", strerror(-rc));
    }
    *ret_crew = crew;
    return 0;
}

void crew_destroy(struct crew *crew)
{
    if (crew == NULL) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    crew->over = true;
    pthread_cond_broadcast(&crew->begin);
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->count; i++) {
        pthread_join(crew->hands[i].thread, NULL);
    }
    pthread_cond_destroy(&crew->end);
    pthread_cond_destroy(&crew->begin);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

uint32_t crew_count(const struct crew *crew)
{
    return crew->count;
}

void crew_start(struct crew *crew, crew_work_fn *work, void *context)
{
    pthread_mutex_lock(&crew->lock);
    crew->work = work;
    crew->context = context;
    crew->working = crew->count;
    crew->turn++;
    pthread_cond_broadcast(&crew->begin);
    pthread_mutex_unlock(&crew->lock);
}

void crew_rest(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->working > 0) {
        pthread_cond_wait(&crew->end, &crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}
