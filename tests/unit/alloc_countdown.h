/* Lets the n-th allocation fail, for tests that walk through every one. A test program that includes it is linked so
 * that its malloc(), calloc(), aligned_alloc(), realloc(), strdup() and strndup(), and pthread_create(), which takes
 * memory too, come here (tests/CMakeLists.txt); leaks are
 * LeakSanitizer's. */
#ifndef LEASTPORT_TESTS_UNIT_ALLOC_COUNTDOWN_H
#define LEASTPORT_TESTS_UNIT_ALLOC_COUNTDOWN_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* The names are the linker's (ld --wrap). NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);

/* Allocations that still succeed; negative: all do. */
static long alloc_left = -1;
static bool alloc_failed;

static bool alloc_may(void)
{
    if (alloc_left == 0) {
        alloc_failed = true;
        return false;
    }
    alloc_left -= alloc_left > 0;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return alloc_may() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return alloc_may() ? __real_calloc(count, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return alloc_may() ? __real_aligned_alloc(alignment, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
    return alloc_may() ? __real_realloc(old, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
    return alloc_may() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t size)
{
    return alloc_may() ? __real_strndup(text, size) : NULL;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return alloc_may() ? __real_pthread_create(thread, attributes, run, context) : EAGAIN;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* Calls `run` with 0, 1, 2, … allocations that succeed, until none fails; returns how many that took. `run` is told
 * whether the call may fail by what it returns: 0 for success, else it failed as it should. */
static long alloc_count_down(int (*run)(void))
{
    for (long allowed = 0;; allowed++) {
        int rc;
        alloc_left = allowed;
        alloc_failed = false;
        rc = run();
        alloc_left = -1;
        if (!alloc_failed) {
            return rc == 0 ? allowed : -1;
        }
    }
}

#endif
