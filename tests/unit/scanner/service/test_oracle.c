/* Built from what Oracle's open driver reads and writes. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 1521};

static const struct talk_turn refused[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000I\000\000\004\000\000\000\042\000\000=(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0)(ALIAS=LISTENER))")};
static const struct talk_turn refused_by_11[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000e\000\000\004\000\000\000\004\000\000Y(DESCRIPTION=(TMP=)(VSNNUM=186647296)(ERR=1189)(ERROR_STACK=(ERROR=("
        "CODE=1189)(EMFI=4))))")};
static const struct talk_turn accepted[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000\034\000\000\002\000\000\000\0016\000\000\010\000\177\377\001\000\000\000\000 AA\000\000\000\000")};
static const struct talk_turn redirected[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000<\000\000\005\000\000\000\0002(ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.9)(PORT=1522))")};
static const struct talk_turn resent[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000\010\000\000\013\000\000\000"),
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000I\000\000\004\000\000\000\042\000\000=(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0)(ALIAS=LISTENER))"),
};
static const struct talk_turn resent_again[] = {
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000\010\000\000\013\000\000\000"),
    EXPECT("\000W\000\000\001\000\000\000\0016\001,\000\000\010\000\177\377O\230\000\000\000\001\000\035\000:"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000(CONNECT_DATA=(COMMAND=ping))"),
    SAY("\000\010\000\000\013\000\000\000"),
};

static void check(const struct hostile_exchange *exchange, const char *version)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "product"), "Oracle TNS listener");
    assert_string_equal(hostile_fact(&talk, "version"), version);
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void learns_the_listeners_version(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("oracle", &target, refused), "19.0.0.0.0");
    check(HOSTILE_EXCHANGE("oracle", &target, refused_by_11), "11.2.0.3.0");
    check(HOSTILE_EXCHANGE("oracle", &target, accepted), "");
    check(HOSTILE_EXCHANGE("oracle", &target, redirected), "");
}

static void says_it_again_once(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("oracle", &target, resent), "19.0.0.0.0");
    check(HOSTILE_EXCHANGE("oracle", &target, resent_again), "");
}

static void is_recognised_by_its_packets(void **state)
{
    (void)state;
    hostile_recognised("oracle", refused[1].bytes);
    hostile_recognised("oracle", accepted[1].bytes);
    hostile_recognised("oracle", redirected[1].bytes);
    hostile_recognised("oracle", resent[1].bytes);
    hostile_stranger("oracle", SPAN_OF("\0\x0c\0\0\4\0\0\0\"\0\0\0ERR="));
    hostile_stranger("oracle", SPAN_OF("\0\x0c\0\1\4\0\0\0"));
    hostile_stranger("oracle", SPAN_OF("\0\x0c\0\0\3\0\0\0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_the_listeners_version),
        cmocka_unit_test(says_it_again_once),
        cmocka_unit_test(is_recognised_by_its_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
