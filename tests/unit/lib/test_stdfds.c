#include "lib/stdfds.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What became of the descriptors, as a child's exit status: the number of the first that is not as it should be, or 0.
 * Nothing can be printed in it. */
static int status_of_child(const int *closed, size_t count)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        char byte = 0;
        for (size_t i = 0; i < count; i++) {
            close(closed[i]);
        }
        if (stdfds_fill() != 0) {
            _exit(10);
        }
        for (size_t i = 0; i < count; i++) {
            ssize_t done = closed[i] == 0 ? read(0, &byte, 1) : write(closed[i], &byte, 1);
            if (done != -1 || errno != EBADF) {
                _exit(20 + closed[i]);
            }
        }
        /* Nothing that is opened later gets one of the three. */
        _exit(open("/dev/null", O_RDWR | O_CLOEXEC) > 2 ? 0 : 30);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void takes_up_what_is_closed(void **state)
{
    static const int all[] = {0, 1, 2};
    static const int two[] = {0, 2};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(status_of_child(&all[i], 1), 0);
    }
    assert_int_equal(status_of_child(two, 2), 0);
    assert_int_equal(status_of_child(all, 3), 0);
}

static void leaves_what_is_open(void **state)
{
    int before[3];

    (void)state;
    for (int fd = 0; fd < 3; fd++) {
        before[fd] = fcntl(fd, F_GETFL);
    }
    assert_int_equal(stdfds_fill(), 0);
    for (int fd = 0; fd < 3; fd++) {
        assert_int_equal(fcntl(fd, F_GETFL), before[fd]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_up_what_is_closed),
        cmocka_unit_test(leaves_what_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
