#include "auditd/handover.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A daemon that answers one client's request with fixed lines. */
struct daemon {
    char folder[64];
    struct sockaddr_un address;
    int fd;
    const char *answer;
    char heard[4096];
    pthread_t thread;
};

static void *daemon_serve(void *context)
{
    struct daemon *daemon = context;
    int fd = accept(daemon->fd, NULL, NULL);
    ssize_t count = recv(fd, daemon->heard, sizeof(daemon->heard) - 1, 0);

    daemon->heard[count > 0 ? count : 0] = '\0';
    (void)send(fd, daemon->answer, strlen(daemon->answer), MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void daemon_start(struct daemon *daemon, const char *answer)
{
    *daemon = (struct daemon){.folder = "/tmp/leastport-handover-XXXXXX", .answer = answer};
    daemon->address.sun_family = AF_UNIX;
    assert_non_null(mkdtemp(daemon->folder));
    snprintf(daemon->address.sun_path, sizeof(daemon->address.sun_path), "%s/sock", daemon->folder);
    daemon->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(daemon->fd, (const struct sockaddr *)&daemon->address, sizeof(daemon->address)), 0);
    assert_int_equal(listen(daemon->fd, 1), 0);
    assert_int_equal(pthread_create(&daemon->thread, NULL, daemon_serve, daemon), 0);
}

static void daemon_end(struct daemon *daemon)
{
    pthread_join(daemon->thread, NULL);
    close(daemon->fd);
    unlink(daemon->address.sun_path);
    rmdir(daemon->folder);
}

static int hand_over(const char *answer, struct handover_result *result)
{
    struct daemon daemon;
    struct meter meter = {0};
    json_t *request = json_pack("{s:[s]}", "targets", "10.0.0.1");
    json_t *heard;
    int rc;

    memset(result, 0, sizeof(*result));
    daemon_start(&daemon, answer);
    rc = handover_run(daemon.address.sun_path, request, &meter, result);
    daemon_end(&daemon);
    heard = json_loads(daemon.heard, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(heard, "op")), "audit");
    assert_true(json_is_true(json_object_get(heard, "follow")));
    json_decref(heard);
    json_decref(request);
    return rc;
}

static void brings_the_outcome(void **state)
{
    struct handover_result result;
    (void)state;
    assert_int_equal(hand_over("{\"event\":\"accepted\",\"job\":\"j\",\"state\":\"running\"}\n"
                               "{\"event\":\"progress\",\"phase\":\"scan\",\"probes_done\":1,\"probes\":2}\n"
                               "{\"ok\":true,\"state\":\"complete\",\"findings\":{\"low\":1,\"critical\":2}}\n",
                               &result),
                     0);
    assert_true(result.complete);
    assert_int_equal(tally_at_least(&result.tally, SEVERITY_LOW), 3);
    assert_int_equal(tally_at_least(&result.tally, SEVERITY_HIGH), 2);
}

/* Nobody is told "error:" and nothing more. */
static void a_refusal_always_has_a_reason(void **state)
{
    static const char *const cases[][2] = {
        {"{\"ok\":false,\"error\":\"not today\"}\n", "not today"},
        {"{\"ok\":false}\n", "did not say why"},
        {"{\"ok\":4,\"error\":\"\"}\n", "did not say why"},
        {"{\"ok\":false,\"error\":7}\n", "did not say why"},
        {"", "went away"},
        {"{\"ok\":tr", "went away"},
        {"garbage\n[]\n\"ok\"\n{\"event\":7}\n", "went away"},
    };
    struct handover_result result;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(hand_over(cases[i][0], &result), -EPROTO);
        if (strstr(result.message, cases[i][1]) == NULL) {
            fail_msg("%s: \"%s\"", cases[i][0], result.message);
        }
    }
}

static void nobody_there_is_an_error(void **state)
{
    struct handover_result result;
    struct meter meter = {0};
    json_t *request = json_object();
    (void)state;
    assert_int_equal(handover_run("/nonexistent/sock", request, &meter, &result), -ENOENT);
    json_decref(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_the_outcome),
        cmocka_unit_test(a_refusal_always_has_a_reason),
        cmocka_unit_test(nobody_there_is_an_error),
    };
    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
