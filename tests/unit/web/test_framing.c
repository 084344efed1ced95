#include "web/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static unsigned verdict(const char *const (*headers)[2], size_t count)
{
    struct framing framing;
    struct problem problem = {0};
    framing_init(&framing);
    for (size_t i = 0; i < count; i++) {
        framing_add(&framing, headers[i][0], headers[i][1]);
    }
    if (framing_is_sound(&framing, &problem)) {
        assert_int_equal(problem.status, 0);
        framing_allows_content(&framing, &problem);
    }
    return problem.status;
}

#define VERDICT(...)                                                                                                   \
    verdict((const char *const[][2]){__VA_ARGS__}, sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(char *[2]))

static void judges_what_frames_a_request(void **state)
{
    (void)state;
    assert_int_equal(VERDICT({"Host", "localhost"}), 0);
    assert_int_equal(VERDICT({"host", "localhost:8480"}, {"Content-Length", "0"}), 0);
    assert_int_equal(VERDICT({"X", "y"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"HOST", "localhost"}), 400);
    assert_int_equal(VERDICT({"Host", "evil.example"}), 421);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "1"}, {"content-length", "2"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "1"}, {"Content-Length", "1"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", ""}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "+1"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "1, 1"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "9999999999999999999999"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "16385"}), 413);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Transfer-Encoding", "chunked"}), 413);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"Content-Length", "1"}, {"Content-Type", "text/plain"}), 415);
    assert_int_equal(
        VERDICT({"Host", "localhost"}, {"Content-Length", "1"}, {"Content-Type", "application/json; charset=utf-8"}),
        400);
}

static void ends_at_its_limits(void **state)
{
    struct framing framing;
    struct problem problem = {0};
    char value[FRAMING_MAX_HEAD_BYTES + 1];
    (void)state;
    framing_init(&framing);
    framing_add(&framing, "Host", "localhost");
    for (int i = 0; i < FRAMING_MAX_HEADERS; i++) {
        framing_add(&framing, "X", "y");
    }
    assert_false(framing_is_sound(&framing, &problem));
    assert_int_equal(problem.status, 431);
    memset(value, 'y', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    problem = (struct problem){0};
    framing_init(&framing);
    framing_add(&framing, "Host", "localhost");
    framing_add(&framing, "X", value);
    assert_false(framing_is_sound(&framing, &problem));
    assert_int_equal(problem.status, 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_what_frames_a_request),
        cmocka_unit_test(ends_at_its_limits),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
