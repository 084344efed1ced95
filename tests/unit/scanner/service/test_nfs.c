/* "ganesha" is recorded from NFS-Ganesha 4.3; the others are built from RFC 5531. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 2049};

static const struct talk_turn ganesha[] = {
    EXPECT("\200\000\000("
           "LpNF\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000 "
        "LpNF\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\002\000\000\000\003\000\000"
        "\000\004"),
};

static const struct talk_turn version_0[] = {
    EXPECT("\200\000\000("
           "LpNF\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\030LpNF\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000")};
static const struct talk_turn denied[] = {
    EXPECT("\200\000\000("
           "LpNF\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\024LpNF\000\000\000\001\000\000\000\001\000\000\000\001\000\000\000\005")};
/* A verifier may have 400 bytes (RFC 5531, section 8.2). */
static const struct talk_turn long_verifier[] = {
    EXPECT("\200\000\000("
           "LpNF\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\001\254LpNF\000\000\000\001\000\000\000\000\000\000\000\000\000\000\001\224vvvvvvvvvvvvvvvvvvvvvvvvvv"
        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\000\000\000\000")};
static const struct talk_turn other_program[] = {
    EXPECT("\200\000\000("
           "LpNF\000\000\000\000\000\000\000\002\000\001\206\243\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\030LpNF\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\001")};

static void check(const struct hostile_exchange *exchange, const char *versions)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), versions);
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void learns_which_versions_there_are(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("nfs", &target, ganesha), "versions 3 to 4");
    check(HOSTILE_EXCHANGE("nfs", &target, version_0), "");
    check(HOSTILE_EXCHANGE("nfs", &target, denied), "");
}

static void another_program_is_another_service(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("nfs", &target, other_program));
    hostile_learn(&talk, HOSTILE_EXCHANGE("nfs", &target, other_program), DIALOGUE_FOREIGN);
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("nfs", &target, long_verifier), DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_our_number(void **state)
{
    (void)state;
    hostile_recognised("nfs", ganesha[1].bytes);
    hostile_stranger("nfs", SPAN_OF("\x80\0\0\x18LpPM\0\0\0\1"));
    hostile_stranger("nfs", SPAN_OF("\0\0\0\x18LpNF\0\0\0\1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_which_versions_there_are),
        cmocka_unit_test(another_program_is_another_service),
        cmocka_unit_test(is_recognised_by_our_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
