/* That of rpcbind is recorded from 1.2.6; the others are built from RFC 5531 and RFC 1833. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 111};

static const struct talk_turn rpcbind[] = {
    EXPECT("\200\000\000("
           "LpPM\000\000\000\000\000\000\000\002\000\001\206\240\000\000\000\002\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\030LpPM\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    EXPECT("\200\000\000("
           "LpPN\000\000\000\000\000\000\000\002\000\001\206\240\000\000\000\002\000\000\000\004\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\224LpPN\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\001\000\001\206\240\000\000\000\004\000\000\000\006\000\000\000o\000\000\000\001\000\001\206\240\000\000"
        "\000\003\000\000\000\006\000\000\000o\000\000\000\001\000\001\206\240\000\000\000\002\000\000\000\006\000\000"
        "\000o\000\000\000\001\000\001\206\240\000\000\000\004\000\000\000\021\000\000\000o\000\000\000\001\000\001\206"
        "\240\000\000\000\003\000\000\000\021\000\000\000o\000\000\000\001\000\001\206\240\000\000\000\002\000\000\000"
        "\021\000\000\000o\000\000\000\000"),
};

static const struct talk_turn file_server[] = {
    EXPECT("\200\000\000("
           "LpPM\000\000\000\000\000\000\000\002\000\001\206\240\000\000\000\002\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\030LpPM\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    EXPECT("\200\000\000("
           "LpPN\000\000\000\000\000\000\000\002\000\001\206\240\000\000\000\002\000\000\000\004\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\224LpPN\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\001\000\001\206\240\000\000\000\004\000\000\000\006\000\000\000o\000\000\000\001\000\001\206\240\000\000"
        "\000\002\000\000\000\021\000\000\000o\000\000\000\001\000\001\206\245\000\000\000\003\000\000\000\006\000\000N"
        "P\000\000\000\001\000\001\206\243\000\000\000\003\000\000\000\006\000\000\010\001\000\000\000\001\000\001\206"
        "\243\000\000\000\004\000\000\000\006\000\000\010\001\000\000\000\001\000\005\363\341\000\000\000\001\000\000"
        "\000\006\000\000\037\001\000\000\000\000"),
};

static const struct talk_turn other_program[] = {
    EXPECT("\200\000\000("
           "LpPM\000\000\000\000\000\000\000\002\000\001\206\240\000\000\000\002\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000"),
    SAY("\200\000\000\030LpPM\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\001")};

static void check(const struct hostile_exchange *exchange, const char *programs)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), programs);
    assert_string_equal(hostile_fact(&talk, "door"), "");
    talk_done(&talk);
}

static void learns_what_is_registered(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("portmap", &target, rpcbind), "portmapper");
    check(HOSTILE_EXCHANGE("portmap", &target, file_server), "portmapper mountd nfs 390113");
}

static void another_program_is_another_service(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("portmap", &target, other_program), DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_our_number(void **state)
{
    (void)state;
    hostile_recognised("portmap", rpcbind[1].bytes);
    hostile_recognised("portmap", rpcbind[3].bytes);
    hostile_stranger("portmap", SPAN_OF("\x80\0\0\x18LpNF\0\0\0\1"));
    hostile_stranger("portmap", SPAN_OF("\x80\0\0\x18LpPM\0\0\0\0"));
    hostile_stranger("portmap", SPAN_OF("\x80\0\0\x08LpPM"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_what_is_registered),
        cmocka_unit_test(another_program_is_another_service),
        cmocka_unit_test(is_recognised_by_our_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
