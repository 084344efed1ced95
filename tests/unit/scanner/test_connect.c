#include "scanner/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    struct scope *scope;
    struct connect_engine *engine;
    struct connect_answer last;
    int answers;
    int exhausted;
    int error;
};

static void on_exhausted(void *context, int error)
{
    struct bench *bench = context;

    bench->exhausted++;
    bench->error = error;
}

static void on_answer(void *context, const struct connect_answer *answer)
{
    struct bench *bench = context;

    bench->last = *answer;
    bench->answers++;
}

/* Only loopback may be probed, and of it not 127.0.0.66. */
static void set_up(struct bench *bench, uint32_t sockets)
{
    struct prefix allowed;
    struct prefix never;
    struct scope_options scope = {.allowed = &allowed, .allowed_count = 1, .never = &never, .never_count = 1};
    struct connect_options options = {.sockets = sockets, .wake_fd = -1, .exhausted = on_exhausted, .context = bench};

    memset(bench, 0, sizeof(*bench));
    assert_int_equal(prefix_parse("127.0.0.0/8", &allowed), 0);
    assert_int_equal(prefix_parse("127.0.0.66", &never), 0);
    assert_int_equal(scope_create(&scope, &bench->scope), 0);
    options.scope = bench->scope;
    assert_int_equal(connect_create(&options, &bench->engine), 0);
}

static void tear_down(struct bench *bench)
{
    connect_destroy(bench->engine);
    scope_destroy(bench->scope);
}

static int send_to(struct bench *bench, const char *text, uint16_t port, uint32_t probe, uint32_t *ret_handle)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return connect_ops()->send(bench->engine, probe, &addr, port, ret_handle);
}

/* A bounded number of waits; no answer within them fails. */
static void wait_for_answers(struct bench *bench, int answers)
{
    for (int i = 0; i < 50 && bench->answers < answers; i++) {
        struct mono_time until = mono_add_ns(mono_now(), 100000000);
        assert_int_equal(connect_poll(bench->engine, until, on_answer, bench), 0);
    }
    assert_int_equal(bench->answers, answers);
}

static uint16_t open_port(int *ret_fd)
{
    struct addr addr = addr_loopback(false);
    struct sockaddr_storage sockaddr;
    socklen_t length = addr_to_sockaddr(&addr, 0, &sockaddr);
    uint16_t port;

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*ret_fd, (const struct sockaddr *)&sockaddr, length), 0);
    assert_int_equal(listen(*ret_fd, 16), 0);
    assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&sockaddr, &length), 0);
    assert_int_equal(addr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr, &port), 0);
    return port;
}

static void nothing_passes_the_guard(void **state)
{
    struct bench bench;
    uint32_t handle;
    (void)state;
    set_up(&bench, 4);
    assert_int_equal(send_to(&bench, "192.0.2.1", 80, 1, &handle), -EPERM);
    assert_int_equal(send_to(&bench, "10.0.0.1", 80, 1, &handle), -EPERM);
    assert_int_equal(send_to(&bench, "::1", 80, 1, &handle), -EPERM);
    assert_int_equal(send_to(&bench, "127.0.0.66", 80, 1, &handle), -EACCES);
    assert_int_equal(connect_refused(bench.engine), 4);
    /* And the places are free again. */
    for (uint32_t probe = 0; probe < 4; probe++) {
        assert_int_equal(send_to(&bench, "127.0.0.1", 9, probe, &handle), 0);
    }
    wait_for_answers(&bench, 4);
    tear_down(&bench);
}

static void tells_open_from_closed(void **state)
{
    struct bench bench;
    uint32_t handle;
    int fd;
    uint16_t port = open_port(&fd);
    (void)state;
    set_up(&bench, 4);
    assert_int_equal(send_to(&bench, "127.0.0.1", port, 7, &handle), 0);
    wait_for_answers(&bench, 1);
    assert_int_equal(bench.last.probe, 7);
    assert_int_equal(bench.last.answer, PROBE_SYN_ACK);
    close(fd);
    assert_int_equal(send_to(&bench, "127.0.0.1", port, 8, &handle), 0);
    wait_for_answers(&bench, 2);
    assert_int_equal(bench.last.probe, 8);
    assert_int_equal(bench.last.answer, PROBE_RST);
    assert_int_equal(bench.last.reason, REASON_CONN_REFUSED);
    tear_down(&bench);
}

static void has_as_many_places_as_it_was_given(void **state)
{
    struct bench bench;
    uint32_t first;
    uint32_t second;
    (void)state;
    set_up(&bench, 1);
    assert_int_equal(connect_ops()->capacity(bench.engine), 1);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 1, &first), 0);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 2, &second), -EAGAIN);
    /* Cancelled, whatever it had to say is not heard any more. */
    connect_ops()->cancel(bench.engine, first);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 3, &second), 0);
    wait_for_answers(&bench, 1);
    assert_int_equal(bench.last.probe, 3);
    tear_down(&bench);
}

static void running_out_of_descriptors_is_no_answer(void **state)
{
    struct rlimit before;
    struct rlimit tight;
    struct bench bench;
    uint32_t handle;
    int next;
    (void)state;
    set_up(&bench, 4);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    next = fcntl(0, F_DUPFD_CLOEXEC, 0);
    assert_true(next >= 0);
    close(next);
    tight = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 1, &handle), -EAGAIN);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 1, &handle), -EAGAIN);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(bench.exhausted, 2);
    assert_int_equal(bench.error, EMFILE);
    assert_int_equal(bench.answers, 0);
    assert_int_equal(send_to(&bench, "127.0.0.1", 9, 1, &handle), 0);
    wait_for_answers(&bench, 1);
    tear_down(&bench);
}

/* The place's socket is used again after a closed port, an open one and a try that was cancelled; and the server's
 * program never has a connection to accept. */
static void one_socket_serves_many_tries(void **state)
{
    struct bench bench;
    uint32_t handle;
    int listener;
    int spare;
    int next;
    uint16_t port = open_port(&listener);
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    (void)state;
    set_up(&bench, 1);
    spare = dup(0);
    close(spare);
    for (int round = 0; round < 8; round++) {
        assert_int_equal(send_to(&bench, "127.0.0.1", 9, 1, &handle), 0);
        wait_for_answers(&bench, 3 * round + 1);
        assert_int_equal(bench.last.answer, PROBE_RST);
        assert_int_equal(send_to(&bench, "127.0.0.1", port, 2, &handle), 0);
        wait_for_answers(&bench, 3 * round + 2);
        assert_int_equal(bench.last.answer, PROBE_SYN_ACK);
        assert_int_equal(bench.last.probe, 2);
        assert_int_equal(poll(&waiting, 1, 0), 0);
        /* Cancelled before its answer is read: the next try in the place does not get it. */
        assert_int_equal(send_to(&bench, "127.0.0.1", port, 3, &handle), 0);
        connect_ops()->cancel(bench.engine, handle);
        assert_int_equal(poll(&waiting, 1, 0), 0);
        assert_int_equal(send_to(&bench, "127.0.0.1", 9, 4, &handle), 0);
        wait_for_answers(&bench, 3 * round + 3);
        assert_int_equal(bench.last.answer, PROBE_RST);
        assert_int_equal(bench.last.probe, 4);
    }
    /* One socket was ever open: the number after it is free. */
    next = dup(0);
    assert_in_range(next, spare, spare + 1);
    close(next);
    close(listener);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_passes_the_guard),
        cmocka_unit_test(tells_open_from_closed),
        cmocka_unit_test(one_socket_serves_many_tries),
        cmocka_unit_test(has_as_many_places_as_it_was_given),
        cmocka_unit_test(running_out_of_descriptors_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
