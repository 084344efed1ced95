#include "scanner/ring.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { NUMBERS = 200000, ROOM = 64, PATIENCE_MS = 20000 };

static void gives_back_in_order(void **state)
{
    struct ring *ring = ring_create(5);
    uint32_t number = 0;
    (void)state;
    assert_non_null(ring);
    for (uint32_t round = 0; round < 100; round++) {
        for (uint32_t i = 0; i < 5; i++) {
            ring_put(ring, 5 * round + i);
        }
        /* Only what is published can be taken. */
        assert_false(ring_take(ring, &number));
        assert_false(ring_publish(ring));
        assert_int_equal(ring_waiting(ring), 5);
        for (uint32_t i = 0; i < 5; i++) {
            assert_true(ring_take(ring, &number));
            assert_int_equal(number, 5 * round + i);
        }
        assert_int_equal(ring_waiting(ring), 0);
    }
    assert_false(ring_take(ring, &number));
    ring_destroy(ring);
}

static void knows_what_has_left(void **state)
{
    struct ring *ring = ring_create(4);
    uint32_t positions[3];
    uint32_t number;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        positions[i] = ring_position(ring);
        ring_put(ring, i);
    }
    assert_false(ring_publish(ring));
    for (uint32_t taken = 0; taken <= 3; taken++) {
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(ring_has_left(ring, positions[i]), i < taken);
        }
        assert_int_equal(ring_take(ring, &number), taken < 3);
    }
    ring_destroy(ring);
}

static void asks_to_wake_who_dozes(void **state)
{
    struct ring *ring = ring_create(4);
    uint32_t number;
    (void)state;
    assert_true(ring_doze(ring));
    /* Nothing has come: nobody is woken. */
    assert_false(ring_publish(ring));
    ring_put(ring, 1);
    assert_true(ring_publish(ring));
    /* Once. */
    ring_put(ring, 2);
    assert_false(ring_publish(ring));
    /* And nobody dozes while there is something. */
    assert_false(ring_doze(ring));
    ring_put(ring, 3);
    assert_false(ring_publish(ring));
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(ring_take(ring, &number));
        assert_int_equal(number, i);
    }
    assert_true(ring_doze(ring));
    ring_rouse(ring);
    ring_put(ring, 4);
    assert_false(ring_publish(ring));
    ring_destroy(ring);
}

/* Two threads, each of which sleeps when it has nothing to do: one puts while there is room, the other sends everything
 * back. Nothing is lost, doubled or overtaken, and no wake-up is missed. */
struct pair {
    struct ring *there;
    struct ring *back;
    int there_fd;
    int back_fd;
    uint32_t *payload; /* handed over by the ring itself */
    bool failed;
};

static void wake(int fd)
{
    uint64_t one = 1;

    assert_int_equal(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/* False when nobody has woken it in time. */
static bool sleep_on(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    uint64_t count;

    return poll(&readable, 1, PATIENCE_MS) == 1 && read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static void *send_back(void *context)
{
    struct pair *pair = context;
    uint32_t number;

    for (uint32_t expected = 0; expected < NUMBERS && !pair->failed;) {
        if (ring_take(pair->there, &number)) {
            pair->failed |= number != expected || pair->payload[number % ROOM] != expected;
            pair->payload[number % ROOM] = ~expected;
            ring_put(pair->back, number);
            expected++;
            if (expected % 7 == 0 && ring_publish(pair->back)) {
                wake(pair->back_fd);
            }
            continue;
        }
        if (ring_publish(pair->back)) {
            wake(pair->back_fd);
        }
        if (ring_doze(pair->there)) {
            pair->failed |= !sleep_on(pair->there_fd);
            ring_rouse(pair->there);
        }
    }
    if (ring_publish(pair->back)) {
        wake(pair->back_fd);
    }
    return NULL;
}

static void loses_nothing_between_threads(void **state)
{
    static uint32_t payload[ROOM];
    struct pair pair = {.there = ring_create(ROOM),
                        .back = ring_create(ROOM),
                        .there_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                        .back_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                        .payload = payload};
    uint32_t put = 0;
    uint32_t taken = 0;
    uint32_t number;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, send_back, &pair), 0);
    while (taken < NUMBERS) {
        uint32_t before = taken;
        while (put < NUMBERS && put - taken < ROOM) {
            payload[put % ROOM] = put;
            ring_put(pair.there, put++);
            if (put % 5 == 0 && ring_publish(pair.there)) {
                wake(pair.there_fd);
            }
        }
        if (ring_publish(pair.there)) {
            wake(pair.there_fd);
        }
        while (ring_take(pair.back, &number)) {
            assert_int_equal(number, taken);
            assert_int_equal(payload[number % ROOM], ~taken);
            taken++;
        }
        if (taken == before && ring_doze(pair.back)) {
            assert_true(sleep_on(pair.back_fd));
            ring_rouse(pair.back);
        }
    }
    pthread_join(thread, NULL);
    assert_false(pair.failed);
    close(pair.there_fd);
    close(pair.back_fd);
    ring_destroy(pair.there);
    ring_destroy(pair.back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_in_order),
        cmocka_unit_test(knows_what_has_left),
        cmocka_unit_test(asks_to_wake_who_dozes),
        cmocka_unit_test(loses_nothing_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
