#include "web/download.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONG_MS = 600000, WAKES_MS = 1 };

/* A reader that sleeps on a condition, and what its writer does. */
struct reader {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool sleeps;
    bool is_done;    /* the job's context */
    unsigned blocks; /* of 1000 bytes */
    int rc;          /* what the writer returns */
    int seen;        /* the stream's errors, as the writer saw them */
};

static void reader_init(struct reader *reader, unsigned blocks)
{
    *reader =
        (struct reader){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .blocks = blocks};
}

static void reader_sleep(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->mutex);
    reader->sleeps = true;
    pthread_mutex_unlock(&reader->mutex);
}

static void reader_wake(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->mutex);
    reader->sleeps = false;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static void reader_done(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->mutex);
    reader->is_done = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static void reader_await_done(struct reader *reader)
{
    pthread_mutex_lock(&reader->mutex);
    while (!reader->is_done) {
        pthread_cond_wait(&reader->changed, &reader->mutex);
    }
    pthread_mutex_unlock(&reader->mutex);
}

/* Byte n of it all is n modulo 251. */
static int reader_write(void *context, FILE *out)
{
    struct reader *reader = context;
    size_t position = 0;

    for (unsigned i = 0; i < reader->blocks && ferror(out) == 0; i++) {
        for (unsigned j = 0; j < 1000; j++) {
            putc((int)(position++ % 251), out);
        }
    }
    reader->seen = ferror(out);
    return reader->rc;
}

static struct download *reader_open(struct download_crew *crew, struct reader *reader, const char *token, int expected)
{
    const struct download_job job = {reader_write, reader_done, reader, token};
    struct download *download = NULL;

    assert_int_equal(download_open(crew, &job, &download), expected);
    return download;
}

/* Up to the end, by pieces of an odd size: what came last. */
static ssize_t reader_read_all(struct reader *reader, struct download *download, size_t *ret_length)
{
    const struct download_rest rest = {reader_sleep, reader_wake, reader};
    char bytes[1777];
    ssize_t count;

    *ret_length = 0;
    while ((count = download_read(download, bytes, sizeof(bytes), &rest)) >= 0) {
        for (ssize_t i = 0; i < count; i++) {
            assert_int_equal((unsigned char)bytes[i], (*ret_length)++ % 251);
        }
        pthread_mutex_lock(&reader->mutex);
        while (reader->sleeps) {
            pthread_cond_wait(&reader->changed, &reader->mutex);
        }
        pthread_mutex_unlock(&reader->mutex);
    }
    return count;
}

static void all_comes_in_order_through_a_small_buffer(void **state)
{
    struct download_crew *crew = NULL;
    struct download *download;
    struct reader reader;
    size_t length;

    (void)state;
    assert_int_equal(download_crew_create(LONG_MS, &crew), 0);
    for (unsigned blocks = 0; blocks <= 1000; blocks += 500) {
        reader_init(&reader, blocks);
        download = reader_open(crew, &reader, "one", 0);
        assert_int_equal(reader_read_all(&reader, download, &length), -ENODATA);
        assert_int_equal(length, blocks * 1000);
        assert_true(reader.is_done);
        download_drop(download);
    }
    download_crew_stop(crew);
    download_crew_destroy(crew);
}

static void what_fails_midway_ends_as_a_failure(void **state)
{
    struct download_crew *crew = NULL;
    struct download *download;
    struct reader reader;
    size_t length;

    (void)state;
    assert_int_equal(download_crew_create(LONG_MS, &crew), 0);
    reader_init(&reader, 3);
    reader.rc = -EUCLEAN;
    download = reader_open(crew, &reader, "one", 0);
    assert_int_equal(reader_read_all(&reader, download, &length), -EIO);
    assert_int_equal(length, 3000);
    download_drop(download);
    download_crew_stop(crew);
    download_crew_destroy(crew);
}

static void whoever_goes_away_ends_the_writing(void **state)
{
    struct download_crew *crew = NULL;
    struct reader reader;
    char byte;

    (void)state;
    assert_int_equal(download_crew_create(LONG_MS, &crew), 0);
    for (unsigned reads = 0; reads < 2; reads++) {
        struct download *download;
        reader_init(&reader, 1000000);
        download = reader_open(crew, &reader, "one", 0);
        if (reads > 0) {
            const struct download_rest rest = {reader_sleep, reader_wake, &reader};
            assert_true(download_read(download, &byte, 1, &rest) >= 0);
        }
        download_drop(download);
        reader_await_done(&reader);
    }
    download_crew_stop(crew);
    download_crew_destroy(crew);
}

static void whoever_stops_reading_ends_it_too(void **state)
{
    struct download_crew *crew = NULL;
    struct download *download;
    struct reader reader;
    size_t length;

    (void)state;
    assert_int_equal(download_crew_create(WAKES_MS, &crew), 0);
    reader_init(&reader, 1000);
    download = reader_open(crew, &reader, "one", 0);
    reader_await_done(&reader);
    assert_int_not_equal(reader.seen, 0);
    /* What was written before that is still to be had, and is not taken for all. */
    assert_int_equal(reader_read_all(&reader, download, &length), -EIO);
    assert_true(length >= DOWNLOAD_BYTES - 65536 && length <= DOWNLOAD_BYTES);
    download_drop(download);
    download_crew_stop(crew);
    download_crew_destroy(crew);
}

static void a_token_has_its_share_and_leaves_others_theirs(void **state)
{
    struct download_crew *crew = NULL;
    struct reader readers[DOWNLOAD_TOKEN_MAX];
    struct download *downloads[DOWNLOAD_TOKEN_MAX];
    struct reader other;
    struct download *download;
    size_t length;

    (void)state;
    assert_int_equal(download_crew_create(LONG_MS, &crew), 0);
    for (size_t i = 0; i < DOWNLOAD_TOKEN_MAX; i++) {
        reader_init(&readers[i], 500);
        downloads[i] = reader_open(crew, &readers[i], "greedy", 0);
    }
    reader_init(&other, 500);
    assert_null(reader_open(crew, &other, "greedy", -EDQUOT));
    assert_true(other.is_done);
    /* None of the others is read, so none of them ends; this one does. */
    reader_init(&other, 500);
    download = reader_open(crew, &other, "modest", 0);
    assert_int_equal(reader_read_all(&other, download, &length), -ENODATA);
    assert_int_equal(length, 500000);
    download_drop(download);
    /* The last is dropped before its turn; the rest are read one after the other. */
    download_drop(downloads[DOWNLOAD_TOKEN_MAX - 1]);
    assert_true(readers[DOWNLOAD_TOKEN_MAX - 1].is_done);
    for (size_t i = 0; i < DOWNLOAD_TOKEN_MAX - 1; i++) {
        assert_int_equal(reader_read_all(&readers[i], downloads[i], &length), -ENODATA);
        assert_int_equal(length, 500000);
        download_drop(downloads[i]);
    }
    download_crew_stop(crew);
    download_crew_destroy(crew);
}

static void a_stop_ends_what_runs_and_what_waits(void **state)
{
    struct download_crew *crew = NULL;
    struct reader readers[DOWNLOAD_TOKEN_MAX];
    struct download *downloads[DOWNLOAD_TOKEN_MAX];
    struct reader late;
    char byte;
    size_t length;

    (void)state;
    assert_int_equal(download_crew_create(LONG_MS, &crew), 0);
    for (size_t i = 0; i < DOWNLOAD_TOKEN_MAX; i++) {
        reader_init(&readers[i], 1000);
        downloads[i] = reader_open(crew, &readers[i], "one", 0);
    }
    /* One that waits for its turn and whose reader sleeps. */
    assert_int_equal(
        download_read(downloads[DOWNLOAD_TOKEN_MAX - 1], &byte, 1,
                      &(struct download_rest){reader_sleep, reader_wake, &readers[DOWNLOAD_TOKEN_MAX - 1]}),
        0);
    assert_true(readers[DOWNLOAD_TOKEN_MAX - 1].sleeps);
    download_crew_stop(crew);
    assert_false(readers[DOWNLOAD_TOKEN_MAX - 1].sleeps);
    reader_init(&late, 1);
    assert_null(reader_open(crew, &late, "two", -EBUSY));
    for (size_t i = 0; i < DOWNLOAD_TOKEN_MAX; i++) {
        assert_int_equal(reader_read_all(&readers[i], downloads[i], &length), -EIO);
        download_drop(downloads[i]);
        assert_true(readers[i].is_done);
    }
    download_crew_destroy(crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_comes_in_order_through_a_small_buffer),
        cmocka_unit_test(what_fails_midway_ends_as_a_failure),
        cmocka_unit_test(whoever_goes_away_ends_the_writing),
        cmocka_unit_test(whoever_stops_reading_ends_it_too),
        cmocka_unit_test(a_token_has_its_share_and_leaves_others_theirs),
        cmocka_unit_test(a_stop_ends_what_runs_and_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
