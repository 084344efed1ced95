#include "scanner/raw/together.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { THREADS_MAX = 31 };

struct job {
    void (*call)(void *thing);
    void *thing;
    pthread_t thread;
    bool threaded;
};

static void *job_main(void *context)
{
    struct job *job = context;

    job->call(job->thing);
    return NULL;
}

/* The last one is the caller's own. */
static void some(void (*call)(void *thing), uint8_t *first, size_t size, size_t count)
{
    struct job jobs[THREADS_MAX];

    for (size_t i = 0; i + 1 < count; i++) {
        jobs[i] = (struct job){.call = call, .thing = first + i * size};
        jobs[i].threaded = pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]) == 0;
    }
    call(first + (count - 1) * size);
    for (size_t i = 0; i + 1 < count; i++) {
        if (jobs[i].threaded) {
            pthread_join(jobs[i].thread, NULL);
        } else {
            call(jobs[i].thing);
        }
    }
}

void together(void (*call)(void *thing), void *first, size_t size, size_t count)
{
    uint8_t *bytes = first;

    while (count > 0) {
        size_t now = count > THREADS_MAX + 1 ? THREADS_MAX + 1 : count;
        some(call, bytes, size, now);
        bytes += now * size;
        count -= now;
    }
}
