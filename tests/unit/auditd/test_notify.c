#include "auditd/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void receives(const char *name, const struct sockaddr_un *address, socklen_t length)
{
    char got[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)address, length), 0);
    assert_int_equal(notify_send(name, "READY=1"), 0);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
}

static void reaches_an_abstract_socket_and_a_path(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    size_t length;

    (void)state;
    length = (size_t)snprintf(name, sizeof(name), "@leastport-notify-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, length - 1);
    receives(name, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));

    snprintf(name, sizeof(name), "/tmp/leastport-notify-%d", (int)getpid());
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    receives(name, &address, sizeof(address));
    unlink(name);
}

static void refuses_what_is_no_socket(void **state)
{
    char endless[300];

    (void)state;
    memset(endless, 'a', sizeof(endless) - 1);
    endless[0] = '/';
    endless[sizeof(endless) - 1] = '\0';
    assert_int_equal(notify_send(NULL, "READY=1"), 0);
    assert_int_equal(notify_send("", "READY=1"), 0);
    assert_int_equal(notify_send("relative", "READY=1"), -EINVAL);
    assert_int_equal(notify_send(endless, "READY=1"), -ENAMETOOLONG);
    assert_int_equal(notify_send("/nonexistent/socket", "READY=1"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_an_abstract_socket_and_a_path),
        cmocka_unit_test(refuses_what_is_no_socket),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
