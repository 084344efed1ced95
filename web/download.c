#include "web/download.h"

#include "lib/clock.h"
#include "lib/token.h"
#include "web/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Static_assert((int)DOWNLOAD_WRITERS <= (int)WORKER_THREADS, "each writer has a thread");

struct download_crew {
    struct worker_pool *threads;
    uint32_t stall_ms;
    pthread_mutex_t mutex; /* taken before a download's */
    bool is_stopping;
    struct download *first; /* in the order in which they came */
};

enum download_state { DOWNLOAD_WAITS, DOWNLOAD_RUNS, DOWNLOAD_ENDED };

struct download {
    struct download_crew *crew;
    char token[TOKEN_ID_SIZE];
    struct download_job job;
    /* Under the crew's lock. Held by its reader and, while it is written, by its thread. */
    struct download *next;
    unsigned holders;
    enum download_state state;

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t has_room;
    struct download_rest rest; /* of a reader that sleeps; else `wake` is NULL */
    bool is_written;           /* nothing comes any more */
    bool is_cancelled;         /* nothing is wanted any more */
    int rc;                    /* once it is written */
    size_t begin, length;      /* of what is to be read, in the ring */
    char *ring;                /* NULL until it is written; DOWNLOAD_BYTES */
};

static void download_run(void *context);

/* ---- the crew ---- */

int download_crew_create(uint32_t stall_ms, struct download_crew **ret_crew)
{
    struct download_crew *crew = calloc(1, sizeof(*crew));
    int rc;

    if (crew == NULL) {
        return -ENOMEM;
    }
    crew->stall_ms = stall_ms;
    pthread_mutex_init(&crew->mutex, NULL);
    rc = worker_pool_create(&crew->threads);
    if (rc != 0) {
        download_crew_destroy(crew);
        return rc;
    }
    *ret_crew = crew;
    return 0;
}

static void download_cancel(struct download *download)
{
    pthread_mutex_lock(&download->mutex);
    download->is_cancelled = true;
    pthread_cond_signal(&download->has_room);
    pthread_mutex_unlock(&download->mutex);
}

/* Whoever sleeps is woken. */
static void download_finish(struct download *download, int rc)
{
    pthread_mutex_lock(&download->mutex);
    download->rc = rc;
    download->is_written = true;
    if (download->rest.wake != NULL) {
        download->rest.wake(download->rest.context);
        download->rest.wake = NULL;
    }
    pthread_mutex_unlock(&download->mutex);
}

void download_crew_stop(struct download_crew *crew)
{
    if (crew == NULL) {
        return;
    }
    pthread_mutex_lock(&crew->mutex);
    crew->is_stopping = true;
    for (struct download *download = crew->first; download != NULL; download = download->next) {
        download_cancel(download);
        if (download->state == DOWNLOAD_WAITS) {
            download_finish(download, -ECANCELED);
        }
    }
    pthread_mutex_unlock(&crew->mutex);
    worker_pool_drain(crew->threads);
}

void download_crew_destroy(struct download_crew *crew)
{
    if (crew == NULL) {
        return;
    }
    worker_pool_destroy(crew->threads);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}

/* How many there are, or are written now; of one token, or with NULL of all. Under the crew's lock. */
static unsigned download_count(const struct download_crew *crew, const char *token, bool running)
{
    unsigned count = 0;

    for (const struct download *download = crew->first; download != NULL; download = download->next) {
        count +=
            (token == NULL || strcmp(download->token, token) == 0) && (!running || download->state == DOWNLOAD_RUNS);
    }
    return count;
}

/* Those whose turn it is, the first to come first. Under the crew's lock. */
static void download_start(struct download_crew *crew)
{
    for (struct download *download = crew->first; download != NULL && !crew->is_stopping; download = download->next) {
        if (download->state != DOWNLOAD_WAITS || download_count(crew, NULL, true) >= DOWNLOAD_WRITERS ||
            download_count(crew, download->token, true) >= DOWNLOAD_TOKEN_WRITERS) {
            continue;
        }
        /* As few as run find room in the pool, which closes after we stop. */
        download->state = DOWNLOAD_RUNS;
        download->holders++;
        if (!worker_pool_run(crew->threads, download_run, download)) {
            download->holders--;
            download->state = DOWNLOAD_WAITS;
        }
    }
}

/* What stands against one more, or 0. */
static int download_enlist(struct download *download)
{
    struct download_crew *crew = download->crew;
    struct download **link = &crew->first;
    int rc = 0;

    pthread_mutex_lock(&crew->mutex);
    if (download_count(crew, download->token, false) >= DOWNLOAD_TOKEN_MAX) {
        rc = -EDQUOT;
    } else if (download_count(crew, NULL, false) >= DOWNLOAD_MAX || crew->is_stopping) {
        rc = -EBUSY;
    } else {
        while (*link != NULL) {
            link = &(*link)->next;
        }
        *link = download;
        download_start(crew);
    }
    pthread_mutex_unlock(&crew->mutex);
    return rc;
}

static void download_free(struct download *download)
{
    if (download->state == DOWNLOAD_WAITS) {
        download->job.done(download->job.context);
    }
    pthread_cond_destroy(&download->has_room);
    pthread_mutex_destroy(&download->mutex);
    free(download->ring);
    free(download);
}

static void download_release(struct download *download)
{
    struct download_crew *crew = download->crew;
    bool is_last;

    pthread_mutex_lock(&crew->mutex);
    is_last = --download->holders == 0;
    for (struct download **link = &crew->first; is_last && *link != NULL; link = &(*link)->next) {
        if (*link == download) {
            *link = download->next;
            break;
        }
    }
    pthread_mutex_unlock(&crew->mutex);
    if (is_last) {
        download_free(download);
    }
}

/* ---- the writer ---- */

/* Under the lock. */
static void download_wake(struct download *download)
{
    if (download->rest.wake != NULL) {
        download->rest.wake(download->rest.context);
        download->rest.wake = NULL;
    }
}

/* Under the lock. False: nobody took anything for too long, or nobody is there. */
static bool download_await_room(struct download *download)
{
    struct mono_time until = mono_add_ns(mono_now(), download->crew->stall_ms * UINT64_C(1000000));
    struct timespec time = {.tv_sec = (time_t)(until.ns / UINT64_C(1000000000)),
                            .tv_nsec = (long)(until.ns % UINT64_C(1000000000))};
    int rc = 0;

    while (download->length == DOWNLOAD_BYTES && !download->is_cancelled && rc == 0) {
        rc = pthread_cond_timedwait(&download->has_room, &download->mutex, &time);
    }
    return download->length < DOWNLOAD_BYTES && !download->is_cancelled;
}

/* Under the lock. How many found room. */
static size_t download_put(struct download *download, const char *bytes, size_t count)
{
    size_t at = (download->begin + download->length) % DOWNLOAD_BYTES;
    size_t room = DOWNLOAD_BYTES - download->length;
    size_t before_end = DOWNLOAD_BYTES - at;

    count = count < room ? count : room;
    if (count <= before_end) {
        memcpy(download->ring + at, bytes, count);
    } else {
        memcpy(download->ring + at, bytes, before_end);
        memcpy(download->ring, bytes + before_end, count - before_end);
    }
    download->length += count;
    return count;
}

/* Of a stream by fopencookie(3): all or, for an error, fewer. */
static ssize_t download_write(void *cookie, const char *bytes, size_t count)
{
    struct download *download = cookie;
    size_t put = 0;

    pthread_mutex_lock(&download->mutex);
    while (put < count && download_await_room(download)) {
        put += download_put(download, bytes + put, count - put);
        download_wake(download);
    }
    pthread_mutex_unlock(&download->mutex);
    return put == count ? (ssize_t)put : 0;
}

static int download_run_writer(struct download *download)
{
    const cookie_io_functions_t functions = {.write = download_write};
    FILE *out;
    int rc;

    download->ring = malloc(DOWNLOAD_BYTES);
    out = download->ring == NULL ? NULL : fopencookie(download, "w", functions);
    if (out == NULL) {
        return -ENOMEM;
    }
    rc = download->job.write(download->job.context, out);
    rc = rc == 0 && ferror(out) != 0 ? -EIO : rc;
    if (fclose(out) != 0 && rc == 0) {
        rc = -EIO;
    }
    return rc;
}

static void download_run(void *context)
{
    struct download *download = context;
    struct download_crew *crew = download->crew;
    int rc = download_run_writer(download);

    download->job.done(download->job.context);
    pthread_mutex_lock(&crew->mutex);
    download->state = DOWNLOAD_ENDED;
    download_start(crew);
    pthread_mutex_unlock(&crew->mutex);
    download_finish(download, rc);
    download_release(download);
}

/* ---- the reader ---- */

static struct download *download_make(struct download_crew *crew, const struct download_job *job)
{
    struct download *download = calloc(1, sizeof(*download));
    pthread_condattr_t attributes;

    if (download == NULL) {
        return NULL;
    }
    download->crew = crew;
    download->job = *job;
    snprintf(download->token, sizeof(download->token), "%s", job->token);
    download->holders = 1;
    pthread_mutex_init(&download->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&download->has_room, &attributes);
    pthread_condattr_destroy(&attributes);
    return download;
}

int download_open(struct download_crew *crew, const struct download_job *job, struct download **ret_download)
{
    struct download *download = download_make(crew, job);
    int rc;

    if (download == NULL) {
        job->done(job->context);
        return -ENOMEM;
    }
    rc = download_enlist(download);
    if (rc != 0) {
        download_free(download);
        return rc;
    }
    *ret_download = download;
    return 0;
}

void download_drop(struct download *download)
{
    if (download != NULL) {
        download_cancel(download);
        download_release(download);
    }
}

/* Under the lock. */
static size_t download_take(struct download *download, char *bytes, size_t size)
{
    size_t count = download->length < size ? download->length : size;
    size_t before_end = DOWNLOAD_BYTES - download->begin;

    if (count <= before_end) {
        memcpy(bytes, download->ring + download->begin, count);
    } else {
        memcpy(bytes, download->ring + download->begin, before_end);
        memcpy(bytes + before_end, download->ring, count - before_end);
    }
    download->begin = (download->begin + count) % DOWNLOAD_BYTES;
    download->length -= count;
    return count;
}

ssize_t download_read(struct download *download, char *bytes, size_t size, const struct download_rest *rest)
{
    ssize_t count = 0;

    pthread_mutex_lock(&download->mutex);
    if (download->length > 0) {
        count = (ssize_t)download_take(download, bytes, size);
        pthread_cond_signal(&download->has_room);
    } else if (download->is_written) {
        count = download->rc == 0 ? -ENODATA : -EIO;
    } else {
        rest->sleep(rest->context);
        download->rest = *rest;
    }
    pthread_mutex_unlock(&download->mutex);
    return count;
}
