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
    assert_int_equal(VERDICT({"Host", "localhost"}, {"X", "a\tb \xc3\xa4"}), 0);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"X", "a\rTransfer-Encoding: chunked"}), 400);
    assert_int_equal(VERDICT({"Host", "localhost"}, {"X", "\x7f"}), 400);
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

/* A head as the HTTP library leaves it: cut in place at colons and at what ended lines. Pairs of name and value stand
 * one behind the other, each with what came before it. */
struct told {
    const char *bytes; /* of a whole head from its first field on; '|' stands where a zero is left */
    size_t fields;
    bool has_gap;
};

static bool has_gap(const struct told *told)
{
    char bytes[256];
    struct framing framing;
    const char *at = bytes;
    size_t length = strlen(told->bytes);
    assert_true(length < sizeof(bytes));
    for (size_t i = 0; i <= length; i++) {
        bytes[i] = told->bytes[i] == '|' ? '\0' : told->bytes[i];
    }
    framing_init(&framing);
    for (size_t i = 0; i < told->fields; i++) {
        const char *name = at;
        const char *value = name + strlen(name) + 1;
        value += strspn(value, " \t");
        framing_follow(&framing, name, value);
        at = value + strlen(value);
        while (at < bytes + length && *at == '\0') {
            at++;
        }
    }
    framing_end(&framing, bytes + length);
    return framing.has_gap;
}

static void sees_what_it_was_not_told(void **state)
{
    static const struct told heads[] = {
        {"Host| a||||", 1, false},
        {"Host| a||X|\t y ||Z||||||", 2, true}, /* one field more, empty, that was not told */
        {"Host| a||X|\t y ||Z|b||||", 3, false},
        {"Host|a|X|y||||", 2, true},      /* a line that ends by one byte */
        {"Host|a||X|y|z||||", 2, true},   /* a zero in the last value */
        {"Host|a|||X|y||||", 2, true},    /* a zero at a value's end */
        {"Host|a||X|y||", 2, true},       /* an empty line that is none */
        {"Host|a||X|y|| z||||", 2, true}, /* a further line */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        assert_int_equal(has_gap(&heads[i]), heads[i].has_gap);
    }
}

/* The library moves the name of a field whose value goes on in a further line, and adds that line to the name. */
static void refuses_a_field_that_was_folded(void **state)
{
    char head[] = "Host\0localhost\0\0Transfer-Encoding\0";
    char moved[] = "Transfer-Encodingchunked";
    struct framing framing;
    struct problem problem = {0};
    (void)state;
    framing_init(&framing);
    framing_follow(&framing, head, head + 5);
    assert_false(framing.has_gap);
    framing_follow(&framing, moved, head + sizeof(head) - 1);
    assert_false(framing_is_sound(&framing, &problem));
    assert_int_equal(problem.status, 400);
}

/* RFC 9110 section 5.6.2, character by character. */
static void a_name_is_a_token(void **state)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    (void)state;
    for (int c = 1; c < 256; c++) {
        const char name[] = {'X', (char)c, '\0'};
        struct framing framing;
        framing_init(&framing);
        framing_add(&framing, name, "");
        assert_int_equal(framing.has_bad_field, strchr(token, c) == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_a_token),
        cmocka_unit_test(judges_what_frames_a_request),
        cmocka_unit_test(ends_at_its_limits),
        cmocka_unit_test(sees_what_it_was_not_told),
        cmocka_unit_test(refuses_a_field_that_was_folded),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
