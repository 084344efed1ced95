#include "scanner/connect_pool.h"

#include "scanner/connect_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PROBES = 6000, FILLERS = 8, DESCRIPTORS = 1200 };

enum fate { UNASKED, ASKED, ANSWERED, CANCELLED, RETURNED };

struct bench {
    struct scope *scope;
    struct connect_pool *pool;
    enum fate fate[PROBES];
    uint32_t handle[PROBES];
    enum probe_answer answer[PROBES];
    int answers;
    int returned;
    int exhausted;
    int error;
    uint32_t wanted;
    uint32_t started;
    int short_error;
};

static struct bench bench;

static void on_answer(void *context, const struct connect_answer *answer)
{
    assert_ptr_equal(context, &bench);
    assert_true(answer->probe < PROBES);
    /* Once, and never after its cancellation. */
    assert_int_equal(bench.fate[answer->probe], ASKED);
    assert_true(answer->took_ns > 0);
    bench.fate[answer->probe] = ANSWERED;
    bench.answer[answer->probe] = answer->answer;
    bench.answers++;
}

static void on_not_sent(void *context, uint32_t probe)
{
    assert_ptr_equal(context, &bench);
    assert_int_equal(bench.fate[probe], ASKED);
    bench.fate[probe] = RETURNED;
    bench.returned++;
}

static void on_exhausted(void *context, int error)
{
    assert_ptr_equal(context, &bench);
    bench.exhausted++;
    bench.error = error;
}

static void on_short(void *context, uint32_t wanted, uint32_t started, int error)
{
    assert_ptr_equal(context, &bench);
    assert_int_equal(bench.short_error, 0);
    bench.wanted = wanted;
    bench.started = started;
    bench.short_error = error;
}

/* Only loopback may be probed, and of it not 127.0.0.66. */
static void set_up(uint32_t threads, uint32_t descriptors)
{
    struct prefix allowed;
    struct prefix never;
    struct scope_options scope = {.allowed = &allowed, .allowed_count = 1, .never = &never, .never_count = 1};
    struct connect_pool_options options = {.descriptors = descriptors,
                                           .threads = threads,
                                           .wake_fd = -1,
                                           .listener = {.answered = on_answer,
                                                        .not_sent = on_not_sent,
                                                        .exhausted = on_exhausted,
                                                        .short_of_threads = on_short,
                                                        .context = &bench}};

    memset(&bench, 0, sizeof(bench));
    assert_int_equal(prefix_parse("127.0.0.0/8", &allowed), 0);
    assert_int_equal(prefix_parse("127.0.0.66", &never), 0);
    assert_int_equal(scope_create(&scope, &bench.scope), 0);
    options.scope = bench.scope;
    assert_int_equal(connect_pool_create(&options, &bench.pool), 0);
}

static void tear_down(void)
{
    connect_pool_destroy(bench.pool);
    scope_destroy(bench.scope);
}

static int send_to(uint32_t probe, const char *text, uint16_t port)
{
    struct addr addr;
    int rc;

    assert_int_equal(addr_parse(text, &addr), 0);
    rc = connect_pool_ops()->send(bench.pool, probe, &addr, port, &bench.handle[probe]);
    if (rc == 0) {
        bench.fate[probe] = ASKED;
    }
    return rc;
}

static void poll_for(uint64_t ms)
{
    assert_int_equal(
        connect_pool_poll(bench.pool, ms > 0 ? mono_add_ns(mono_now(), ms * 1000000) : (struct mono_time){0}), 0);
}

/* A bounded number of waits; no answer within them fails. */
static void wait_for_answers(int answers)
{
    for (int i = 0; i < 100 && bench.answers < answers; i++) {
        poll_for(100);
    }
    assert_int_equal(bench.answers, answers);
}

static void pass_time(uint64_t ms)
{
    struct mono_time end = mono_add_ns(mono_now(), ms * 1000000);

    while (mono_now().ns < end.ns) {
        assert_int_equal(connect_pool_poll(bench.pool, end), 0);
    }
}

static int listen_on(int backlog, uint16_t *ret_port)
{
    struct addr addr = addr_loopback(false);
    struct sockaddr_storage sockaddr;
    socklen_t length = addr_to_sockaddr(&addr, 0, &sockaddr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&sockaddr, length), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sockaddr, &length), 0);
    assert_int_equal(addr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr, ret_port), 0);
    return fd;
}

/* A port that answers nobody: its queue is full. */
struct silent {
    int listener;
    int fillers[FILLERS];
    uint16_t port;
};

static void silent_open(struct silent *silent)
{
    struct addr addr = addr_loopback(false);
    struct sockaddr_storage sockaddr;
    socklen_t length;

    silent->listener = listen_on(0, &silent->port);
    length = addr_to_sockaddr(&addr, silent->port, &sockaddr);
    for (int i = 0; i < FILLERS; i++) {
        silent->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(connect(silent->fillers[i], (const struct sockaddr *)&sockaddr, length) == 0 ||
                    errno == EINPROGRESS);
    }
}

static void silent_close(struct silent *silent)
{
    for (int i = 0; i < FILLERS; i++) {
        close(silent->fillers[i]);
    }
    close(silent->listener);
}

/* Full rounds until the threads run: from `probe` on, on closed ports. Returns the next probe. */
static uint32_t warm_up(uint32_t probe)
{
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 32; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
        }
        poll_for(0);
    }
    wait_for_answers((int)probe);
    return probe;
}

static void a_little_needs_one_thread(void **state)
{
    uint32_t probe = 0;
    (void)state;
    set_up(4, DESCRIPTORS);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 8; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
        }
        poll_for(0);
    }
    /* Full rounds, but not one after the other. */
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 64; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
        }
        poll_for(0);
        poll_for(0);
    }
    wait_for_answers((int)probe);
    assert_int_equal(connect_pool_threads(bench.pool), 1);
    tear_down();
}

static void one_thread_is_one_thread(void **state)
{
    (void)state;
    set_up(1, DESCRIPTORS);
    warm_up(0);
    assert_int_equal(connect_pool_threads(bench.pool), 1);
    assert_int_equal(connect_pool_ops()->capacity(bench.pool), DESCRIPTORS);
    tear_down();
}

static void every_probe_has_its_answer(void **state)
{
    uint16_t open;
    int listener = listen_on(2 * PROBES / 100, &open);
    uint32_t probe = 0;
    (void)state;
    set_up(3, DESCRIPTORS);
    while (probe < PROBES) {
        for (int i = 0; i < 64 && probe < PROBES; i++) {
            bool is_open = probe % 100 == 99;
            int rc = send_to(probe, "127.0.0.1", is_open ? open : 9);
            assert_int_equal(rc, 0);
            probe++;
        }
        poll_for(0);
        while ((int)probe - bench.answers > 256) {
            poll_for(100);
        }
    }
    wait_for_answers(PROBES);
    assert_int_equal(connect_pool_threads(bench.pool), 3);
    for (probe = 0; probe < PROBES; probe++) {
        assert_int_equal(bench.answer[probe], probe % 100 == 99 ? PROBE_SYN_ACK : PROBE_RST);
    }
    close(listener);
    tear_down();
}

/* In any order with the answers: a cancelled probe says nothing any more, and its place can be had again. */
static void cancelled_probes_stay_silent(void **state)
{
    struct silent silent;
    uint32_t seed = 1;
    uint32_t cancelled = 0;
    uint32_t probe;
    (void)state;
    silent_open(&silent);
    set_up(3, DESCRIPTORS);
    probe = warm_up(0);
    assert_int_equal(connect_pool_threads(bench.pool), 3);
    while (probe < PROBES) {
        uint32_t first = probe;
        for (int i = 0; i < 96 && probe < PROBES; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", probe % 5 == 0 ? silent.port : 9), 0);
        }
        if (probe % 3 != 0) {
            poll_for(0);
        }
        for (uint32_t i = first; i < probe; i++) {
            seed = seed * 1664525 + 1013904223;
            if (bench.fate[i] == ASKED && ((seed >> 16) % 2 == 0 || i % 5 == 0)) {
                connect_pool_ops()->cancel(bench.pool, bench.handle[i]);
                bench.fate[i] = CANCELLED;
                cancelled++;
            }
        }
        poll_for(0);
    }
    wait_for_answers((int)(PROBES - cancelled));
    assert_true(cancelled > PROBES / 6);
    tear_down();
    silent_close(&silent);
}

/* As many as there are sockets, held by a port that is silent; all over again when they are cancelled. */
static void has_as_many_places_as_sockets(void **state)
{
    struct silent silent;
    uint32_t capacity;
    uint32_t probe;
    (void)state;
    silent_open(&silent);
    set_up(3, DESCRIPTORS);
    probe = warm_up(0);
    capacity = connect_pool_ops()->capacity(bench.pool);
    assert_in_range(capacity, DESCRIPTORS - 8, DESCRIPTORS - 1);
    for (int round = 0; round < 3; round++) {
        uint32_t first = probe;
        for (uint32_t i = 0; i < capacity; i++, probe++) {
            /* What was cancelled is in the way only until the workers know. */
            for (int wait = 0; wait < 100 && send_to(probe, "127.0.0.1", silent.port) < 0; wait++) {
                poll_for(10);
            }
            assert_int_equal(bench.fate[probe], ASKED);
        }
        assert_int_equal(send_to(probe, "127.0.0.1", silent.port), -EAGAIN);
        poll_for(round == 0 ? 100 : 0);
        for (uint32_t i = first; i < probe; i++) {
            assert_int_equal(bench.fate[i], ASKED);
            connect_pool_ops()->cancel(bench.pool, bench.handle[i]);
            bench.fate[i] = CANCELLED;
        }
    }
    assert_int_equal(bench.exhausted, 0);
    tear_down();
    silent_close(&silent);
}

static int next_descriptor(void)
{
    int next = fcntl(0, F_DUPFD_CLOEXEC, 0);

    assert_true(next >= 0);
    close(next);
    return next;
}

static struct rlimit tighten(int more)
{
    struct rlimit before;
    struct rlimit tight;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){.rlim_cur = (rlim_t)(next_descriptor() + more), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    return before;
}

static void running_out_of_descriptors_is_no_answer(void **state)
{
    struct silent silent;
    struct rlimit before;
    uint32_t asked = 0;
    uint32_t first;
    int returned;
    (void)state;
    silent_open(&silent);
    set_up(2, DESCRIPTORS);
    first = warm_up(0);
    before = tighten(0);
    /* A round of which the worker has the most; its sockets and this thread's are used up soon. */
    for (uint32_t i = 0; i < 400; i++) {
        asked += send_to(first + i, "127.0.0.1", silent.port) == 0 ? 1 : 0;
        if (i % 64 == 63) {
            poll_for(0);
        }
    }
    for (int i = 0; i < 100 && bench.returned == 0; i++) {
        poll_for(100);
    }
    assert_true(asked < 400);
    assert_true(bench.returned > 0);
    assert_int_equal(bench.answers, first);
    assert_int_equal(bench.exhausted, 1);
    assert_int_equal(bench.error, EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (uint32_t i = 0; i < 400; i++) {
        if (bench.fate[first + i] == ASKED) {
            connect_pool_ops()->cancel(bench.pool, bench.handle[first + i]);
            bench.fate[first + i] = CANCELLED;
        }
    }
    pass_time(50);
    /* The pause is over: it sends again, by either. */
    returned = bench.returned;
    for (uint32_t i = 400; i < 2000; i++) {
        assert_int_equal(send_to(first + i, "127.0.0.1", 9), 0);
        if (i % 32 == 31) {
            poll_for(1);
        }
    }
    wait_for_answers((int)first + 1600);
    assert_int_equal(bench.returned, returned);
    assert_int_equal(bench.exhausted, 1);
    tear_down();
    silent_close(&silent);
}

/* Both by its own thread and by a worker. */
static void nothing_passes_the_guard(void **state)
{
    uint32_t probe = 0;
    int rc = 0;
    (void)state;
    set_up(2, DESCRIPTORS);
    assert_int_equal(send_to(probe, "192.0.2.1", 80), -EPERM);
    assert_int_equal(send_to(probe, "127.0.0.66", 80), -EACCES);
    assert_int_equal(connect_pool_refused(bench.pool), 2);
    probe = warm_up(0);
    for (int i = 0; i < 32; i++, probe++) {
        assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
    }
    poll_for(0);
    assert_int_equal(send_to(probe, "192.0.2.1", 80), 0);
    for (int i = 0; i < 100 && rc == 0; i++) {
        rc = connect_pool_poll(bench.pool, mono_add_ns(mono_now(), 100000000));
    }
    assert_int_equal(rc, -EPERM);
    assert_int_equal(bench.fate[probe], ASKED);
    assert_int_equal(connect_pool_refused(bench.pool), 3);
    connect_pool_ops()->cancel(bench.pool, bench.handle[probe]);
    tear_down();
}

/* Without a descriptor for a second thread, and with as many as a second one takes and a third one does not. */
static void starts_as_many_as_it_can(void **state)
{
    static const struct {
        int descriptors;
        uint32_t threads;
    } cases[] = {{0, 1}, {1 + CONNECT_WORKER_DESCRIPTORS, 2}, {1 + 2 * CONNECT_WORKER_DESCRIPTORS, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rlimit before;
        uint32_t probe = 0;
        set_up(3, DESCRIPTORS);
        for (; probe < 32; probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
        }
        wait_for_answers(32);
        before = tighten(cases[i].descriptors);
        for (int round = 0; round < 6; round++) {
            for (int send = 0; send < 32; send++, probe++) {
                assert_int_equal(send_to(probe, "127.0.0.1", 9), 0);
            }
            poll_for(round < 5 ? 0 : 1);
        }
        assert_int_equal(connect_pool_threads(bench.pool), cases[i].threads);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        for (int wait = 0; wait < 100 && bench.answers + bench.returned < (int)probe; wait++) {
            poll_for(100);
        }
        assert_int_equal(bench.answers + bench.returned, probe);
        assert_int_equal(bench.short_error, cases[i].threads < 3 ? EMFILE : 0);
        assert_int_equal(bench.started, cases[i].threads < 3 ? cases[i].threads : 0);
        assert_int_equal(bench.wanted, cases[i].threads < 3 ? 3 : 0);
        tear_down();
    }
}

/* Few descriptors are better spent on sockets. */
static void few_descriptors_want_few_threads(void **state)
{
    (void)state;
    set_up(16, 300);
    assert_int_equal(bench.short_error, EMFILE);
    assert_int_equal(bench.started, 2);
    assert_int_equal(connect_pool_ops()->capacity(bench.pool), 300 - 1 - CONNECT_WORKER_DESCRIPTORS);
    tear_down();
    set_up(0, 30);
    assert_int_equal(bench.short_error, 0);
    assert_int_equal(connect_pool_ops()->capacity(bench.pool), 30);
    tear_down();
}

/* What waits in a queue has not been sent. */
static void knows_what_waits(void **state)
{
    struct silent silent;
    uint32_t waited = 0;
    uint32_t probe;
    (void)state;
    silent_open(&silent);
    set_up(2, DESCRIPTORS);
    probe = warm_up(0);
    for (int round = 0; round < 8; round++) {
        uint32_t first = probe;
        for (int i = 0; i < 64; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", silent.port), 0);
            waited += connect_pool_ops()->is_waiting(bench.pool, bench.handle[probe]) ? 1 : 0;
        }
        poll_for(0);
        for (uint32_t i = first; i < probe; i++) {
            for (int wait = 0; wait < 100 && connect_pool_ops()->is_waiting(bench.pool, bench.handle[i]); wait++) {
                poll_for(10);
            }
            assert_false(connect_pool_ops()->is_waiting(bench.pool, bench.handle[i]));
            connect_pool_ops()->cancel(bench.pool, bench.handle[i]);
            bench.fate[i] = CANCELLED;
        }
    }
    assert_true(waited > 0);
    tear_down();
    silent_close(&silent);
}

/* Whatever is under way. */
static void can_be_destroyed_at_any_time(void **state)
{
    struct silent silent;
    (void)state;
    silent_open(&silent);
    for (int round = 0; round < 20; round++) {
        uint32_t probe;
        set_up(3, DESCRIPTORS);
        probe = warm_up(0);
        for (int i = 0; i < 40 + 10 * round; i++, probe++) {
            assert_int_equal(send_to(probe, "127.0.0.1", i % 2 == 0 ? 9 : silent.port), 0);
            if (i % 4 == 3) {
                connect_pool_ops()->cancel(bench.pool, bench.handle[probe]);
                bench.fate[probe] = CANCELLED;
            }
        }
        tear_down();
    }
    silent_close(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_little_needs_one_thread),        cmocka_unit_test(one_thread_is_one_thread),
        cmocka_unit_test(every_probe_has_its_answer),       cmocka_unit_test(cancelled_probes_stay_silent),
        cmocka_unit_test(has_as_many_places_as_sockets),    cmocka_unit_test(running_out_of_descriptors_is_no_answer),
        cmocka_unit_test(nothing_passes_the_guard),         cmocka_unit_test(starts_as_many_as_it_can),
        cmocka_unit_test(few_descriptors_want_few_threads), cmocka_unit_test(knows_what_waits),
        cmocka_unit_test(can_be_destroyed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
