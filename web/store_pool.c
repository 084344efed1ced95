#include "web/store_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_pool {
    char *db_path;
    pthread_key_t key;
};

static void store_pool_close(void *reader)
{
    store_reader_close(reader);
}

int store_pool_create(const char *db_path, struct store_pool **ret_pool)
{
    struct store_pool *pool = calloc(1, sizeof(*pool));
    int rc = -ENOMEM;

    if (pool == NULL) {
        return rc;
    }
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
    store_reader_close(pthread_getspecific(pool->key));
    pthread_key_delete(pool->key);
    free(pool->db_path);
    free(pool);
}

static int store_pool_open(struct store_pool *pool, char error[STORE_READ_ERROR_SIZE], struct store_reader **ret_reader)
{
    struct store_reader *reader = NULL;
    int rc = store_reader_open(pool->db_path, error, &reader);

    if (rc != 0) {
        return rc;
    }
    rc = pthread_setspecific(pool->key, reader);
    if (rc != 0) {
        snprintf(error, STORE_READ_ERROR_SIZE, "out of memory");
        store_reader_close(reader);
        return -rc;
    }
    *ret_reader = reader;
    return 0;
}

static void store_pool_drop(struct store_pool *pool, struct store_reader *reader)
{
    int rc = pthread_setspecific(pool->key, NULL);

    (void)rc;
    store_reader_close(reader);
}

int store_pool_borrow(struct store_pool *pool, char error[STORE_READ_ERROR_SIZE], struct store_reader **ret_reader)
{
    struct store_reader *reader = pthread_getspecific(pool->key);
    int rc = 0;

    if (reader != NULL && store_reader_is_replaced(reader)) {
        store_pool_drop(pool, reader);
        reader = NULL;
    }
    if (reader == NULL) {
        rc = store_pool_open(pool, error, &reader);
    }
    if (rc == 0) {
        rc = store_reader_begin(reader);
        if (rc != 0) {
            snprintf(error, STORE_READ_ERROR_SIZE, "%s", store_reader_error(reader));
            store_pool_drop(pool, reader);
        }
    }
    if (rc == 0) {
        *ret_reader = reader;
    }
    return rc;
}

void store_pool_return(struct store_pool *pool, struct store_reader *reader, bool is_broken)
{
    store_reader_end(reader);
    if (is_broken) {
        store_pool_drop(pool, reader);
    }
}
