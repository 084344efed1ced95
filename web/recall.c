#include "web/recall.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    atomic_uint holds;
    char *bytes;
    size_t length;
    char etag[RECALL_ETAG_SIZE];
    bool is_packed;
    void *attached;
    void (*release)(void *attached);
};

struct answer *answer_create(char *bytes, size_t length, const char *etag, bool is_packed)
{
    struct answer *answer = malloc(sizeof(*answer));

    if (answer == NULL) {
        free(bytes);
        return NULL;
    }
    atomic_init(&answer->holds, 1);
    answer->bytes = bytes;
    answer->length = length;
    answer->is_packed = is_packed;
    answer->attached = NULL;
    memcpy(answer->etag, etag, strnlen(etag, sizeof(answer->etag) - 1) + 1);
    answer->etag[sizeof(answer->etag) - 1] = '\0';
    return answer;
}

struct answer *answer_hold(struct answer *answer)
{
    atomic_fetch_add_explicit(&answer->holds, 1, memory_order_relaxed);
    return answer;
}

void answer_release(struct answer *answer)
{
    if (answer != NULL && atomic_fetch_sub_explicit(&answer->holds, 1, memory_order_acq_rel) == 1) {
        if (answer->attached != NULL) {
            answer->release(answer->attached);
        }
        free(answer->bytes);
        free(answer);
    }
}

char *answer_bytes(const struct answer *answer)
{
    return answer->bytes;
}

size_t answer_length(const struct answer *answer)
{
    return answer->length;
}

const char *answer_etag(const struct answer *answer)
{
    return answer->etag;
}

bool answer_is_packed(const struct answer *answer)
{
    return answer->is_packed;
}

void answer_attach(struct answer *answer, void *attached, void release(void *attached))
{
    assert(answer->attached == NULL);
    answer->attached = attached;
    answer->release = release;
}

void *answer_attached(const struct answer *answer)
{
    return answer->attached;
}

/* ---- what a thread has ---- */

struct recall_row {
    struct answer *answer; /* NULL: free */
    char *target;
    size_t target_length;
    struct store_stamp stamp;
    uint64_t used_at;
};

struct recall_thread {
    struct recall_row rows[RECALL_ANSWERS];
    size_t bytes; /* of answers and targets */
    uint64_t clock;
};

struct recall {
    pthread_key_t key;
};

static size_t row_bytes(const struct recall_row *row)
{
    return answer_length(row->answer) + row->target_length;
}

static void row_drop(struct recall_thread *thread, struct recall_row *row)
{
    if (row->answer != NULL) {
        thread->bytes -= row_bytes(row);
        answer_release(row->answer);
        free(row->target);
        *row = (struct recall_row){0};
    }
}

static void recall_forget(void *context)
{
    struct recall_thread *thread = context;

    for (size_t i = 0; thread != NULL && i < RECALL_ANSWERS; i++) {
        row_drop(thread, &thread->rows[i]);
    }
    free(thread);
}

int recall_create(struct recall **ret_recall)
{
    struct recall *recall = calloc(1, sizeof(*recall));
    int rc = recall == NULL ? -ENOMEM : -pthread_key_create(&recall->key, recall_forget);

    if (rc != 0) {
        free(recall);
        return rc;
    }
    *ret_recall = recall;
    return 0;
}

void recall_destroy(struct recall *recall)
{
    if (recall != NULL) {
        /* The destructor runs for threads that end; this one may go on. */
        recall_forget(pthread_getspecific(recall->key));
        pthread_key_delete(recall->key);
        free(recall);
    }
}

static struct recall_row *row_find(struct recall_thread *thread, uint64_t reader, const char *target, size_t length)
{
    for (size_t i = 0; i < RECALL_ANSWERS; i++) {
        struct recall_row *row = &thread->rows[i];
        if (row->answer != NULL && row->stamp.reader == reader && row->target_length == length &&
            memcmp(row->target, target, length) == 0) {
            return row;
        }
    }
    return NULL;
}

struct answer *recall_find(struct recall *recall, const struct store_stamp *stamp, const char *target)
{
    struct recall_thread *thread = pthread_getspecific(recall->key);
    struct recall_row *row = thread == NULL ? NULL : row_find(thread, stamp->reader, target, strlen(target));

    if (row == NULL) {
        return NULL;
    }
    if (row->stamp.version != stamp->version) {
        row_drop(thread, row);
        return NULL;
    }
    row->used_at = ++thread->clock;
    return answer_hold(row->answer);
}

/* ---- keeping ---- */

static struct recall_thread *recall_thread(struct recall *recall)
{
    struct recall_thread *thread = pthread_getspecific(recall->key);

    if (thread == NULL) {
        thread = calloc(1, sizeof(*thread));
        if (thread != NULL && pthread_setspecific(recall->key, thread) != 0) {
            free(thread);
            thread = NULL;
        }
    }
    return thread;
}

/* A free row, and room for so many bytes. */
static struct recall_row *row_make_room(struct recall_thread *thread, size_t bytes)
{
    for (;;) {
        struct recall_row *empty = NULL;
        struct recall_row *oldest = NULL;
        for (size_t i = 0; i < RECALL_ANSWERS; i++) {
            struct recall_row *row = &thread->rows[i];
            if (row->answer == NULL) {
                empty = row;
            } else if (oldest == NULL || row->used_at < oldest->used_at) {
                oldest = row;
            }
        }
        if (empty != NULL && (oldest == NULL || thread->bytes + bytes <= RECALL_BYTES)) {
            return empty;
        }
        row_drop(thread, oldest);
    }
}

void recall_keep(struct recall *recall, const struct store_stamp *stamp, const char *target, struct answer *answer)
{
    size_t length = strlen(target);
    struct recall_thread *thread = recall_thread(recall);
    struct recall_row *row;
    char *copy;

    if (thread == NULL || answer_length(answer) > RECALL_ANSWER_BYTES) {
        return;
    }
    copy = strdup(target);
    if (copy == NULL) {
        return;
    }
    row = row_find(thread, stamp->reader, target, length);
    if (row != NULL) {
        row_drop(thread, row);
    }
    row = row_make_room(thread, answer_length(answer) + length);
    *row = (struct recall_row){
        .answer = answer_hold(answer),
        .target = copy,
        .target_length = length,
        .stamp = *stamp,
        .used_at = ++thread->clock,
    };
    thread->bytes += row_bytes(row);
}
