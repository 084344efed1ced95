#include "scanner/raw/sendmany.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A queue in this process keeps the boundaries of what is sent, in order, as a link does. */
struct pair {
    int in;
    int out;
    struct sendmany many;
    _Atomic uint64_t refusals;
};

static int pair_open(void **state)
{
    static struct pair pair;
    int fds[2];

    memset(&pair, 0, sizeof(pair));
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
        return -1;
    }
    pair.in = fds[0];
    pair.out = fds[1];
    *state = &pair;
    return sendmany_init(&pair.many, pair.out);
}

static int pair_close(void **state)
{
    struct pair *pair = *state;

    close(pair->in);
    close(pair->out);
    return 0;
}

enum { FRAMES = 6, FRAME = 8 };

/* Frames of so many bytes each, all of which say their number. */
static void fill(uint8_t bytes[FRAMES][FRAME], struct iovec parts[FRAMES], uint8_t number, size_t length)
{
    for (size_t i = 0; i < FRAMES; i++) {
        memset(bytes[i], number + (int)i, FRAME);
        parts[i] = (struct iovec){.iov_base = bytes[i], .iov_len = length + i % 2};
    }
}

static void send_and_expect(struct pair *pair, const struct iovec *parts, int count)
{
    uint8_t got[2 * FRAME];

    assert_int_equal(sendmany(&pair->many, parts, NULL, (uint32_t)count, &pair->refusals), count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(recv(pair->in, got, sizeof(got), 0), parts[i].iov_len);
        assert_memory_equal(got, parts[i].iov_base, parts[i].iov_len);
    }
    assert_int_equal(recv(pair->in, got, sizeof(got), 0), -1);
    assert_int_equal(errno, EAGAIN);
}

/* From the same place as before with other bytes and lengths, with more and with fewer, from its middle, from
 * elsewhere, and back. */
static void sends_what_stands_there_now(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[2][FRAMES][FRAME];
    struct iovec parts[2][FRAMES];

    fill(bytes[0], parts[0], 10, 3);
    fill(bytes[1], parts[1], 100, 5);
    send_and_expect(pair, parts[0], 3);
    fill(bytes[0], parts[0], 20, 6);
    send_and_expect(pair, parts[0], 3);
    send_and_expect(pair, parts[0], 5);
    send_and_expect(pair, parts[0], 2);
    send_and_expect(pair, parts[0] + 2, 4);
    send_and_expect(pair, parts[1], 4);
    send_and_expect(pair, parts[0], 6);
    assert_int_equal(pair->refusals, 0);
}

/* They stand for one call: the next has none, though its frames stand in the same place. */
static void names_do_not_outlive_their_call(void **state)
{
    struct pair *pair = *state;
    struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nobody/listens/here"};
    uint8_t bytes[FRAMES][FRAME];
    struct iovec parts[FRAMES];
    struct sendmany_name names[FRAMES];

    fill(bytes, parts, 10, 3);
    for (size_t i = 0; i < FRAMES; i++) {
        memset(&names[i], 0, sizeof(names[i]));
        memcpy(&names[i].sockaddr, &nobody, sizeof(nobody));
        names[i].length = sizeof(nobody);
    }
    send_and_expect(pair, parts, 4);
    assert_true(sendmany(&pair->many, parts, names, 4, &pair->refusals) < 0);
    send_and_expect(pair, parts, 4);
}

static void says_what_had_no_room(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[FRAMES][FRAME];
    struct iovec parts[FRAMES];
    uint64_t calls = 0;
    int sent;

    fill(bytes, parts, 10, 3);
    do {
        sent = sendmany(&pair->many, parts, NULL, FRAMES, &pair->refusals);
        assert_in_range(sent, 0, FRAMES);
    } while (sent > 0 && ++calls < 100000);
    assert_int_equal(sent, 0);
    assert_in_range(pair->refusals, FRAMES, 2 * FRAMES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_what_stands_there_now, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(names_do_not_outlive_their_call, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(says_what_had_no_room, pair_open, pair_close),
    };
    return cmocka_run_group_tests_name("sendmany", tests, NULL, NULL);
}
