#include "web/deadline.h"

#include "web/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void shuts_down_the_late_and_nobody_else(void **state)
{
    struct metrics metrics = {0};
    struct deadline_watch *watch;
    struct deadline *late;
    struct deadline *early;
    int sockets[2][2];
    char byte;
    (void)state;
    assert_int_equal(deadline_watch_create(&metrics, &watch), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]), 0);
    }
    early = deadline_add(watch, sockets[0][0], 60000);
    late = deadline_add(watch, sockets[1][0], 60000);
    assert_non_null(early);
    assert_non_null(late);
    deadline_set(watch, late, 0);
    /* Blocks until the watch has shut it down. */
    assert_int_equal(recv(sockets[1][1], &byte, 1, 0), 0);
    assert_int_equal(recv(sockets[0][1], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(atomic_load(&metrics.late_connections), 1);
    deadline_remove(watch, early);
    deadline_remove(watch, late);
    deadline_remove(watch, NULL);
    deadline_set(watch, NULL, 1);
    deadline_watch_destroy(watch);
    deadline_watch_destroy(NULL);
    for (int i = 0; i < 4; i++) {
        close(sockets[i / 2][i % 2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuts_down_the_late_and_nobody_else),
    };
    return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
