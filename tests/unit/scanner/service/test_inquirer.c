#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scanner/service/inquirer.h"

/* Hosts are addresses of 127.1.0.0/16; on one port of each a process greets as an SSH server does: it
 * has descriptors of its own. */

enum { HOSTS = 2000, OPEN_MAX_THERE = 4096 };

static const char GREETING[] = "SSH-2.0-test\r\n";

struct place {
    int listener;
    uint16_t port;
    pid_t server;
};

static void greet(int listener)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            (void)!write(fd, GREETING, sizeof(GREETING) - 1);
            close(fd);
        }
    }
}

static void open_place(struct place *place)
{
    struct sockaddr_storage sockaddr;
    struct addr any = {0};
    socklen_t length = addr_to_sockaddr(&any, 0, &sockaddr);

    place->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(place->listener >= 0);
    assert_int_equal(bind(place->listener, (struct sockaddr *)&sockaddr, length), 0);
    assert_int_equal(listen(place->listener, OPEN_MAX_THERE), 0);
    assert_int_equal(getsockname(place->listener, (struct sockaddr *)&sockaddr, &length), 0);
    assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sockaddr, &any, &place->port), 0);
    place->server = fork();
    assert_true(place->server >= 0);
    if (place->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        greet(place->listener);
    }
}

static void close_place(struct place *place)
{
    kill(place->server, SIGKILL);
    waitpid(place->server, NULL, 0);
    close(place->listener);
}

struct work {
    struct tls_context *tls;
    struct place place;
    uint32_t hosts;
    uint32_t barred; /* the first so many are not to be asked */
    uint32_t told[HOSTS];
    uint32_t done[HOSTS];
    uint32_t recognised;
    uint32_t exhaustions;
};

static void begin(struct work *work)
{
    struct problem problem;

    assert_int_equal(tls_context_create(&work->tls, &problem), 0);
    open_place(&work->place);
}

static void end(struct work *work)
{
    close_place(&work->place);
    tls_context_destroy(work->tls);
    free(work);
}

static struct addr host_addr(uint32_t host)
{
    return (struct addr){.bytes = {127, 1, (uint8_t)(host >> 8), (uint8_t)(host + 1)}};
}

/* One closed port of each was probed as well, so that no control is asked. */
static void source_host(const void *context, uint32_t host, struct inquirer_host *ret_host)
{
    const struct work *work = context;

    *ret_host = (struct inquirer_host){.addr = host_addr(host), .probed = 2, .open = host >= work->barred};
}

static int32_t source_next_port(const void *context, uint32_t host, uint32_t from)
{
    const struct work *work = context;

    (void)host;
    return from <= work->place.port ? work->place.port : -1;
}

static bool source_was_probed(const void *context, uint32_t host, uint16_t port)
{
    (void)context;
    (void)host;
    (void)port;
    return true;
}

static void on_identified(void *context, uint32_t host, uint16_t port, const struct identity *identity)
{
    struct work *work = context;
    const char *service = facts_text(&identity->facts, "service");

    assert_int_equal(port, work->place.port);
    work->told[host]++;
    assert_int_equal(work->done[host], 0);
    work->recognised += service != NULL && strcmp(service, "ssh") == 0;
}

static void on_every_port(void *context, uint32_t host)
{
    (void)context;
    fail_msg("host %u is none of a middlebox's", host);
}

static void on_host_done(void *context, uint32_t host)
{
    struct work *work = context;

    work->done[host]++;
}

static void on_exhausted(void *context, int error)
{
    struct work *work = context;

    assert_int_equal(error, EMFILE);
    work->exhaustions++;
}

static struct scope *make_scope(const char *never)
{
    struct prefix prefix;
    struct scope_options options = {.never = &prefix, .never_count = never != NULL};
    struct scope *scope;

    assert_int_equal(prefix_parse(never != NULL ? never : "127.0.0.0/8", &prefix), 0);
    assert_int_equal(scope_create(&options, &scope), 0);
    return scope;
}

static struct inquirer *make(struct work *work, const struct scope *scope, uint64_t rate_pps)
{
    struct inquirer_options options = {.scope = scope,
                                       .tls = work->tls,
                                       .rate = pacer_rate_of(rate_pps, 1),
                                       .host_rate = pacer_rate_of(0, 1),
                                       .sockets = HOSTS,
                                       .per_host = INQUIRER_PER_HOST,
                                       .wake_fd = -1,
                                       .source = {work->hosts, source_host, source_next_port, source_was_probed, work},
                                       .listener = {on_identified, on_every_port, on_host_done, on_exhausted, work}};
    struct inquirer *inquirer;

    assert_int_equal(inquirer_create(&options, &inquirer), 0);
    return inquirer;
}

static int run(struct inquirer *inquirer)
{
    int rc = 0;

    while (rc == 0 && !inquirer_is_done(inquirer)) {
        rc = inquirer_step(inquirer, mono_add_ns(mono_now(), 1000000000));
    }
    return rc;
}

static void check_all(const struct work *work)
{
    for (uint32_t host = 0; host < work->hosts; host++) {
        assert_int_equal(work->told[host], 1);
        assert_int_equal(work->done[host], 1);
    }
    assert_int_equal(work->recognised, work->hosts);
}

static void asks_two_thousand_at_once(void **state)
{
    struct work *work = calloc(1, sizeof(*work));
    struct scope *scope = make_scope(NULL);
    struct rlimit files;
    struct inquirer *inquirer;
    (void)state;
    assert_non_null(work);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    work->hosts = HOSTS;
    begin(work);
    inquirer = make(work, scope, 0);
    assert_int_equal(run(inquirer), 0);
    assert_true(inquirer_is_complete(inquirer));
    check_all(work);
    assert_int_equal(inquirer_told(inquirer), HOSTS);
    inquirer_destroy(inquirer);
    end(work);
    scope_destroy(scope);
}

/* Where this machine has few descriptors what finds none comes later, and nothing is lost. */
static void waits_for_descriptors(void **state)
{
    struct work *work = calloc(1, sizeof(*work));
    struct scope *scope = make_scope(NULL);
    struct rlimit files;
    struct rlimit few = {.rlim_cur = 40};
    struct inquirer *inquirer;
    (void)state;
    assert_non_null(work);
    work->hosts = 200;
    begin(work);
    inquirer = make(work, scope, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    few.rlim_max = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(run(inquirer), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    check_all(work);
    assert_true(work->exhaustions >= 1);
    inquirer_destroy(inquirer);
    end(work);
    scope_destroy(scope);
}

static void is_held_by_the_guard(void **state)
{
    struct work *work = calloc(1, sizeof(*work));
    struct scope *scope = make_scope("127.1.0.1/32");
    struct inquirer *inquirer;
    (void)state;
    assert_non_null(work);
    work->hosts = 1;
    begin(work);
    inquirer = make(work, scope, 0);
    assert_int_equal(run(inquirer), -EACCES);
    assert_int_equal(inquirer_connects(inquirer), 0);
    assert_int_equal(work->told[0], 0);
    inquirer_destroy(inquirer);
    end(work);
    scope_destroy(scope);
}

static void asks_no_host_that_is_barred(void **state)
{
    struct work *work = calloc(1, sizeof(*work));
    struct scope *scope = make_scope("127.1.0.1/32");
    struct inquirer *inquirer;
    (void)state;
    assert_non_null(work);
    work->hosts = 2;
    work->barred = 1;
    begin(work);
    inquirer = make(work, scope, 0);
    assert_int_equal(run(inquirer), 0);
    assert_int_equal(work->told[0], 0);
    assert_int_equal(work->told[1], 1);
    assert_int_equal(work->done[0] + work->done[1], 2);
    inquirer_destroy(inquirer);
    end(work);
    scope_destroy(scope);
}

/* What is stopped is not told, and no host that was under way is done. */
static void stops_at_once(void **state)
{
    struct work *work = calloc(1, sizeof(*work));
    struct scope *scope = make_scope(NULL);
    struct inquirer *inquirer;
    uint64_t told = 0;
    (void)state;
    assert_non_null(work);
    work->hosts = HOSTS;
    begin(work);
    inquirer = make(work, scope, 2000);
    while (inquirer_told(inquirer) < 10) {
        assert_int_equal(inquirer_step(inquirer, mono_add_ns(mono_now(), 1000000000)), 0);
    }
    inquirer_stop(inquirer);
    assert_true(inquirer_is_done(inquirer));
    assert_false(inquirer_is_complete(inquirer));
    assert_int_equal(run(inquirer), 0);
    for (uint32_t host = 0; host < HOSTS; host++) {
        told += work->told[host];
        assert_true(work->done[host] <= work->told[host]);
    }
    assert_int_equal(told, inquirer_told(inquirer));
    assert_true(told < HOSTS);
    inquirer_destroy(inquirer);
    end(work);
    scope_destroy(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_two_thousand_at_once),
        cmocka_unit_test(waits_for_descriptors),
        cmocka_unit_test(is_held_by_the_guard),
        cmocka_unit_test(asks_no_host_that_is_barred),
        cmocka_unit_test(stops_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
