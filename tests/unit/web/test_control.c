#include "web/control.h"

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

struct daemon {
    int listener;
    const char *answer;
};

static void *serve_once(void *context)
{
    struct daemon *daemon = context;
    char request[256];
    int client = accept(daemon->listener, NULL, NULL);
    if (client >= 0 && recv(client, request, sizeof(request), 0) > 0 && daemon->answer != NULL) {
        ssize_t sent = send(client, daemon->answer, strlen(daemon->answer), MSG_NOSIGNAL);
        (void)sent;
    }
    if (daemon->answer == NULL && client >= 0) {
        /* Says nothing until the asker gives up. */
        ssize_t none = recv(client, request, sizeof(request), 0);
        (void)none;
    }
    close(client);
    return NULL;
}

static void tells_the_daemons_states_apart(void **state)
{
    static const struct {
        const char *answer;
        enum control_state state;
        const char *hindrance;
    } cases[] = {
        {"{\"ok\":true}\n", CONTROL_RUNNING, ""},
        {"{\"ok\":true,\"hindrance\":\"full\"}\n", CONTROL_RUNNING, "full"},
        {"{\"ok\":true,\"hindrance\":7}\n", CONTROL_RUNNING, ""},
        {"{\"ok\":false,\"error\":\"no\"}\n", CONTROL_SILENT, ""},
        {"rubbish\n", CONTROL_SILENT, ""},
        {"", CONTROL_SILENT, ""},
        {"{\"ok\":true}", CONTROL_SILENT, ""},
        {NULL, CONTROL_SILENT, ""},
    };
    char folder[] = "/tmp/leastport-control-XXXXXX";
    char said[CONTROL_HINDRANCE_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    assert_int_equal(control_ask(NULL, said), CONTROL_UNKNOWN);
    assert_int_equal(control_ask(address.sun_path, said), CONTROL_STOPPED);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct daemon daemon = {socket(AF_UNIX, SOCK_STREAM, 0), cases[i].answer};
        pthread_t thread;
        assert_int_equal(bind(daemon.listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(daemon.listener, 1), 0);
        assert_int_equal(pthread_create(&thread, NULL, serve_once, &daemon), 0);
        assert_int_equal(control_ask(address.sun_path, said), cases[i].state);
        assert_string_equal(said, cases[i].hindrance);
        pthread_join(thread, NULL);
        close(daemon.listener);
        unlink(address.sun_path);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_daemons_states_apart),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
