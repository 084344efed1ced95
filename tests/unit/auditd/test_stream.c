#include "auditd/report/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINES = 4000 };

static void print_lines(struct stream *stream)
{
    for (int i = 0; i < LINES; i++) {
        fprintf(stream_file(stream), "line %d\n", i);
    }
}

static void writes_everything(void **state)
{
    FILE *out = tmpfile();
    struct stream *stream;
    char line[32];
    int number = 0;

    (void)state;
    assert_non_null(out);
    assert_int_equal(stream_open(fileno(out), &stream), 0);
    print_lines(stream);
    assert_int_equal(stream_close(stream), 0);
    rewind(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "line %d\n", number++);
        assert_string_equal(line, wanted);
    }
    assert_int_equal(number, LINES);
    fclose(out);
}

/* The first write fails within the report, and much is printed after it. */
static void keeps_the_first_reason(void **state)
{
    struct stream *stream;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(stream_open(fd, &stream), 0);
    print_lines(stream);
    errno = ENOENT;
    assert_int_equal(stream_close(stream), -ENOSPC);
    close(fd);
}

/* A file that may have 10,000 bytes takes half of what is written, then says why it takes no more. */
static void writes_nothing_behind_a_gap(void **state)
{
    struct rlimit before;
    struct rlimit limit;
    struct stream *stream;
    FILE *out = tmpfile();

    (void)state;
    assert_non_null(out);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 10000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(stream_open(fileno(out), &stream), 0);
    print_lines(stream);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(stream_close(stream), -EFBIG);
    assert_int_equal(lseek(fileno(out), 0, SEEK_END), 10000);
    fclose(out);
}

static void tells_of_a_reader_that_left(void **state)
{
    struct stream *stream;
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(stream_open(ends[1], &stream), 0);
    print_lines(stream);
    assert_int_equal(stream_close(stream), -EPIPE);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_everything),
        cmocka_unit_test(keeps_the_first_reason),
        cmocka_unit_test(writes_nothing_behind_a_gap),
        cmocka_unit_test(tells_of_a_reader_that_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
