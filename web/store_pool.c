#include "web/store_pool.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STORE_POOL_READERS = 5, STORE_POOL_HASH_BYTES = 32 };

struct store_pool {
    char *db_path;
    pthread_key_t key;
};

/* Of one thread. The first is without a limit; those behind it go to whoever was there last. */
struct store_pool_slot {
    struct store_reader *reader;
    unsigned char reach[STORE_POOL_HASH_BYTES];
    uint64_t used_at;
    uint64_t serial; /* of the reader */
};

struct store_pool_thread {
    uint64_t clock;
    uint64_t opened; /* how many readers, so far */
    struct store_pool_slot slots[STORE_POOL_READERS];
};

static void store_pool_close(void *context)
{
    struct store_pool_thread *thread = context;

    for (size_t i = 0; thread != NULL && i < STORE_POOL_READERS; i++) {
        store_reader_close(thread->slots[i].reader);
    }
    free(thread);
}

int store_pool_create(const char *db_path, struct store_pool **ret_pool)
{
    struct store_pool *pool = calloc(1, sizeof(*pool));
    int rc = -ENOMEM;

    if (pool == NULL) {
        return rc;
    }
    store_readers_prepare();
    pool->db_path = strdup(db_path);
    if (pool->db_path != NULL) {
        rc = -pthread_key_create(&pool->key, store_pool_close);
    }
    if (rc != 0) {
        free(pool->db_path);
        free(pool);
        return rc;
    }
    *ret_pool = pool;
    return 0;
}

void store_pool_destroy(struct store_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    /* The destructor runs for threads that end; this one may go on. */
    store_pool_close(pthread_getspecific(pool->key));
    pthread_key_delete(pool->key);
    free(pool->db_path);
    free(pool);
}

static int store_pool_thread(struct store_pool *pool, struct store_pool_thread **ret_thread)
{
    struct store_pool_thread *thread = pthread_getspecific(pool->key);
    int rc = 0;

    if (thread == NULL) {
        thread = calloc(1, sizeof(*thread));
        rc = thread == NULL ? -ENOMEM : -pthread_setspecific(pool->key, thread);
        if (rc != 0) {
            free(thread);
            return rc;
        }
    }
    *ret_thread = thread;
    return 0;
}

/* ---- which reader ---- */

static void store_pool_hash_texts(crypto_generichash_state *state, const struct store_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        crypto_generichash_update(state, (const unsigned char *)texts->values[i], strlen(texts->values[i]) + 1);
    }
    /* No text is empty: the two lists cannot run into each other. */
    crypto_generichash_update(state, (const unsigned char *)"", 1);
}

static struct store_pool_slot *store_pool_slot(struct store_pool_thread *thread, const struct store_reach *reach)
{
    crypto_generichash_state state;
    unsigned char hash[STORE_POOL_HASH_BYTES] = {0};
    struct store_pool_slot *oldest = &thread->slots[1];

    if (reach == NULL) {
        return &thread->slots[0];
    }
    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    store_pool_hash_texts(&state, &reach->realms);
    store_pool_hash_texts(&state, &reach->tags);
    crypto_generichash_final(&state, hash, sizeof(hash));
    for (size_t i = 1; i < STORE_POOL_READERS; i++) {
        struct store_pool_slot *slot = &thread->slots[i];
        if (slot->reader != NULL && memcmp(slot->reach, hash, sizeof(hash)) == 0) {
            return slot;
        }
        oldest = slot->used_at < oldest->used_at ? slot : oldest;
    }
    store_reader_close(oldest->reader);
    oldest->reader = NULL;
    memcpy(oldest->reach, hash, sizeof(hash));
    return oldest;
}

static void store_pool_drop(struct store_pool_slot *slot)
{
    store_reader_close(slot->reader);
    slot->reader = NULL;
}

static int store_pool_open(struct store_pool *pool, struct store_pool_slot *slot, const struct store_reach *reach,
                           char error[STORE_READ_ERROR_SIZE])
{
    int rc = store_reader_open(pool->db_path, error, &slot->reader);

    if (rc == 0 && reach != NULL) {
        rc = store_reader_limit(slot->reader, reach);
        if (rc != 0) {
            snprintf(error, STORE_READ_ERROR_SIZE, "%s", store_reader_error(slot->reader));
            store_pool_drop(slot);
        }
    }
    return rc;
}

int store_pool_borrow(struct store_pool *pool, const struct store_reach *reach, char error[STORE_READ_ERROR_SIZE],
                      struct store_reader **ret_reader)
{
    struct store_pool_thread *thread = NULL;
    struct store_pool_slot *slot;
    int rc = store_pool_thread(pool, &thread);

    if (rc != 0) {
        snprintf(error, STORE_READ_ERROR_SIZE, "out of memory");
        return rc;
    }
    slot = store_pool_slot(thread, reach);
    slot->used_at = ++thread->clock;
    if (slot->reader != NULL && store_reader_is_replaced(slot->reader)) {
        store_pool_drop(slot);
    }
    if (slot->reader == NULL) {
        slot->serial = ++thread->opened;
        rc = store_pool_open(pool, slot, reach, error);
    }
    if (rc == 0) {
        rc = store_reader_begin(slot->reader);
        if (rc != 0) {
            snprintf(error, STORE_READ_ERROR_SIZE, "%s", store_reader_error(slot->reader));
            store_pool_drop(slot);
        }
    }
    if (rc == 0) {
        *ret_reader = slot->reader;
    }
    return rc;
}

int store_pool_stamp(struct store_pool *pool, struct store_reader *reader, struct store_stamp *ret_stamp)
{
    const struct store_pool_thread *thread = pthread_getspecific(pool->key);

    for (size_t i = 0; thread != NULL && i < STORE_POOL_READERS; i++) {
        if (thread->slots[i].reader == reader) {
            ret_stamp->reader = thread->slots[i].serial;
            return store_reader_version(reader, &ret_stamp->version);
        }
    }
    return -EINVAL;
}

void store_pool_return(struct store_pool *pool, struct store_reader *reader, bool is_broken)
{
    struct store_pool_thread *thread = pthread_getspecific(pool->key);

    store_reader_end(reader);
    for (size_t i = 0; is_broken && thread != NULL && i < STORE_POOL_READERS; i++) {
        if (thread->slots[i].reader == reader) {
            store_pool_drop(&thread->slots[i]);
        }
    }
}
