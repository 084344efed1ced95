#include "auditd/control.h"

#include "auditd/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS_MAX = 3 };

static struct {
    char folder[64];
    char path[96];
    uv_loop_t loop;
    struct control *control;
    int requests;
    int gone;
    struct control_client *last;
    size_t reply_bytes; /* of filler in each answer */
} test;

static void on_request(void *context, struct control_client *client, const json_t *request)
{
    char *filler = calloc(1, test.reply_bytes + 1);

    (void)context;
    assert_non_null(filler);
    memset(filler, 'x', test.reply_bytes);
    test.requests++;
    test.last = client;
    control_send(client, json_pack("{s:b, s:O, s:s}", "ok", 1, "op", json_object_get(request, "op"), "filler", filler));
    free(filler);
}

static void on_gone(void *context, struct control_client *client)
{
    (void)context;
    (void)client;
    test.gone++;
}

static struct control_options make_options(void)
{
    struct control_options options = control_options_default();

    options.path = test.path;
    options.clients_max = CLIENTS_MAX;
    options.on_request = on_request;
    options.on_gone = on_gone;
    return options;
}

static int start_control(void **state)
{
    struct control_options options;

    (void)state;
    memset(&test, 0, sizeof(test));
    snprintf(test.folder, sizeof(test.folder), "/tmp/leastport-control-XXXXXX");
    if (mkdtemp(test.folder) == NULL) {
        return -1;
    }
    snprintf(test.path, sizeof(test.path), "%s/s", test.folder);
    uv_loop_init(&test.loop);
    options = make_options();
    return control_create(&test.loop, &options, &test.control);
}

static int stop_control(void **state)
{
    (void)state;
    control_close(test.control);
    uv_run(&test.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&test.loop), 0);
    assert_int_equal(access(test.path, F_OK), -1);
    return rmdir(test.folder);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static int dial(void)
{
    struct sockaddr_un address = address_of(test.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0) {
            assert_int_equal(errno, EAGAIN);
            sent = 0;
        }
        bytes += sent;
        count -= (size_t)sent;
        uv_run(&test.loop, UV_RUN_NOWAIT);
    }
}

/* What comes until a newline, or "" when the other end closes. */
static void hear(int fd, char *line, size_t size)
{
    size_t used = 0;

    while (used + 1 < size) {
        ssize_t got = recv(fd, line + used, 1, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            used = 0;
            break;
        }
        if (got < 0) {
            uv_run(&test.loop, UV_RUN_NOWAIT);
            continue;
        }
        if (line[used] == '\n') {
            break;
        }
        used++;
    }
    line[used] = '\0';
}

static void ask(int fd, const char *request, const char *wanted)
{
    char line[4096];

    say(fd, request, strlen(request));
    hear(fd, line, sizeof(line));
    if (strstr(line, wanted) == NULL) {
        fail_msg("asked %s, wanted %s, heard %s", request, wanted, line);
    }
}

static void answers_and_survives_garbage(void **state)
{
    int fd = dial();

    (void)state;
    ask(fd, "{\"op\":\"status\"}\n", "\"op\":\"status\"");
    ask(fd, "\n", "no JSON");
    ask(fd, "\xff\xfe{{{\n", "no JSON");
    ask(fd, "{\"op\":\"a\",\"op\":\"b\"}\n", "no JSON");
    ask(fd, "[]\n", "is a JSON object");
    ask(fd, "{\"op\":7}\n", "is a JSON object");
    ask(fd, "{\"op\":\"still here\"}\n", "still here");
    assert_int_equal(test.requests, 2);
    close(fd);
}

static void takes_half_lines_and_several_at_once(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "{\"op\":", 6);
    ask(fd, "\"one\"}\n{\"op\":\"two\"}\n{\"op\":\"thr", "\"one\"");
    ask(fd, "ee\"}\n", "\"two\"");
    ask(fd, "", "\"three\"");
    close(fd);
}

static void refuses_a_request_that_is_too_long(void **state)
{
    char *endless = malloc(CONTROL_LINE_MAX_BYTES * 2);
    int fd = dial();

    (void)state;
    assert_non_null(endless);
    memset(endless, 'x', CONTROL_LINE_MAX_BYTES * 2);
    say(fd, endless, CONTROL_LINE_MAX_BYTES * 2);
    ask(fd, "\n", "bytes long");
    ask(fd, "{\"op\":\"after\"}\n", "after");
    free(endless);
    close(fd);
}

/* A client that never reads must neither block the loop nor fill memory, and others are served meanwhile. */
static void closes_a_client_that_does_not_read(void **state)
{
    static const char request[] = "{\"op\":\"more\"}\n";
    int slow = dial();
    int quick = dial();

    (void)state;
    test.reply_bytes = 1 << 20;
    for (int i = 0; i < 64 && test.gone == 0; i++) {
        (void)!send(slow, request, sizeof(request) - 1, MSG_NOSIGNAL);
        uv_run(&test.loop, UV_RUN_NOWAIT);
        uv_run(&test.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(test.gone, 1);
    test.reply_bytes = 0;
    ask(quick, "{\"op\":\"quick\"}\n", "quick");
    close(slow);
    close(quick);
}

static void refuses_one_client_too_many(void **state)
{
    int fds[CLIENTS_MAX + 1];

    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        fds[i] = dial();
        ask(fds[i], "{\"op\":\"in\"}\n", "in");
    }
    fds[CLIENTS_MAX] = dial();
    ask(fds[CLIENTS_MAX], "", "try again later");
    ask(fds[0], "{\"op\":\"still\"}\n", "still");
    for (int i = 0; i <= CLIENTS_MAX; i++) {
        close(fds[i]);
    }
}

static void knows_who_asks(void **state)
{
    int fd = dial();

    (void)state;
    ask(fd, "{\"op\":\"who\"}\n", "who");
    assert_int_equal(control_client_peer(test.last)->pid, getpid());
    assert_int_equal(control_client_peer(test.last)->uid, geteuid());
    close(fd);
}

static void makes_the_socket_for_owner_and_group_only(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(stat(test.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
}

static void says_why_it_cannot_be_made(void **state)
{
    struct control_options options = make_options();
    struct control *control;
    char path[256];
    int fd;

    (void)state;
    assert_int_equal(control_create(&test.loop, &options, &control), -EADDRINUSE);
    snprintf(path, sizeof(path), "%s/file", test.folder);
    options.path = path;
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(control_create(&test.loop, &options, &control), -EEXIST);
    unlink(path);
    memset(path, 'a', 150);
    path[0] = '/';
    path[150] = '\0';
    assert_int_equal(control_create(&test.loop, &options, &control), -ENAMETOOLONG);
    options.path = "/nonexistent/s";
    assert_int_equal(control_create(&test.loop, &options, &control), -ENOENT);
}

static void replaces_a_socket_that_nobody_answers_on(void **state)
{
    struct control_options options = make_options();
    struct sockaddr_un address;
    struct control *control;
    char path[128];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(path, sizeof(path), "%s/stale", test.folder);
    address = address_of(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    options.path = path;
    assert_int_equal(control_create(&test.loop, &options, &control), 0);
    control_close(control);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_survives_garbage, start_control, stop_control),
        cmocka_unit_test_setup_teardown(takes_half_lines_and_several_at_once, start_control, stop_control),
        cmocka_unit_test_setup_teardown(refuses_a_request_that_is_too_long, start_control, stop_control),
        cmocka_unit_test_setup_teardown(closes_a_client_that_does_not_read, start_control, stop_control),
        cmocka_unit_test_setup_teardown(refuses_one_client_too_many, start_control, stop_control),
        cmocka_unit_test_setup_teardown(knows_who_asks, start_control, stop_control),
        cmocka_unit_test_setup_teardown(makes_the_socket_for_owner_and_group_only, start_control, stop_control),
        cmocka_unit_test_setup_teardown(says_why_it_cannot_be_made, start_control, stop_control),
        cmocka_unit_test_setup_teardown(replaces_a_socket_that_nobody_answers_on, start_control, stop_control),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
