/* Recorded from BIND 9.18.49, which recurses for nobody, and from unbound 1.17.1, which had no way out. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 53};

static const struct talk_turn bind_9[] = {
    EXPECT("\000\036Lq\001\000\000\001\000\000\000\000\000\000\007version\004bind\000\000\020\000\003"),
    SAY("\000CLq\205\000\000\001\000\001\000\000\000\000\007version\004bind\000\000\020\000\003\300\014\000\020\000\003"
        "\000\000\000\000\000\031\0309.18.49-1~deb12u3-Debian"),
    EXPECT("\000\021Lr\001\000\000\001\000\000\000\000\000\000\000\000\002\000\001"),
    SAY("\000\021Lr\201\005\000\001\000\000\000\000\000\000\000\000\002\000\001"),
};

static const struct talk_turn unbound[] = {
    EXPECT("\000\036Lq\001\000\000\001\000\000\000\000\000\000\007version\004bind\000\000\020\000\003"),
    SAY("\0009Lq\201\200\000\001\000\001\000\000\000\000\007version\004bind\000\000\020\000\003\300\014\000\020\000\003"
        "\000\000\000\000\000\017\016unbound 1.17.1"),
    EXPECT("\000\021Lr\001\000\000\001\000\000\000\000\000\000\000\000\002\000\001"),
    SAY("\000\021Lr\201\202\000\001\000\000\000\000\000\000\000\000\002\000\001"),
};

#define ASK_VERSION "\000\036Lq\001\000\000\001\000\000\000\000\000\000\007version\004bind\000\000\020\000\003"
#define ASK_ROOT "\000\021Lr\001\000\000\001\000\000\000\000\000\000\000\000\002\000\001"

/* Refuses to say its version, and resolves for anyone. */
static const struct talk_turn open_resolver[] = {
    EXPECT(ASK_VERSION),
    SAY("\0\x1eLq\x81\x05\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"),
    EXPECT(ASK_ROOT),
    SAY("\0\x11Lr\x81\x80\0\1\0\0\0\0\0\0\0\0\2\0\1"),
};

/* Only what it has itself. */
static const struct talk_turn authoritative[] = {
    EXPECT(ASK_VERSION),
    SAY("\0\x1eLq\x81\x05\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"),
    EXPECT(ASK_ROOT),
    SAY("\0\x11Lr\x85\x00\0\1\0\0\0\0\0\0\0\0\2\0\1"),
};

/* Pointers that lead to themselves and a label without an end are passed over, not followed. */
static const struct talk_turn looping[] = {
    EXPECT(ASK_VERSION),
    SAY("\0\x1eLq\x85\0\0\1\0\1\0\0\0\0\xc0\x0c\0\x10\0\3\xc0\x0c\0\x10\0\3\0\0\0\0\0\0"),
    EXPECT(ASK_ROOT),
    SAY("\0\x10Lr\x81\x80\0\1\0\0\0\0\0\0\x3f\x3f\x3f\x3f"),
};

static void check(const struct hostile_exchange *exchange, const char *version, const char *recursion)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), version);
    assert_string_equal(hostile_fact(&talk, "dns.recursion"), recursion);
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void learns_version_and_recursion(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("dns", &target, bind_9), "9.18.49-1~deb12u3-Debian", "false");
    check(HOSTILE_EXCHANGE("dns", &target, unbound), "unbound 1.17.1", "false");
    check(HOSTILE_EXCHANGE("dns", &target, open_resolver), "", "true");
    check(HOSTILE_EXCHANGE("dns", &target, authoritative), "", "false");
}

static void names_that_lead_in_circles_are_passed_over(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("dns", &target, looping), "", "true");
}

static void is_recognised_by_our_number(void **state)
{
    (void)state;
    hostile_recognised("dns", bind_9[1].bytes);
    hostile_recognised("dns", bind_9[3].bytes);
    hostile_stranger("dns", SPAN_OF("\0\x1eLq\1\0\0\1"));
    hostile_stranger("dns", SPAN_OF("\0\x1eLs\x81\0"));
    hostile_stranger("dns", SPAN_OF("\0\x0bLq\x81\0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_version_and_recursion),
        cmocka_unit_test(names_that_lead_in_circles_are_passed_over),
        cmocka_unit_test(is_recognised_by_our_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
