/* That of Samba is recorded from 4.17; the others are built from the specifications. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 445};
static const struct dialogue_target elsewhere = {.host = "10.0.0.5", .port = 80};

static const struct talk_turn samba[] = {
    EXPECT("\000\000\000\236\376SMB@"
           "\000\000\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000$\000\005\000\001\000\000\000\000\000\000\000leastport-"
           "clientp\000\000\000\001\000\000\000\002\002\020\002\000\003\002\003\021\003\000\000\001\000&"
           "\000\000\000\000\000\001\000 "
           "\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\000\000\000\000\000\000"),
    SAY("\000\000\000\376\376SMB@"
        "\000\000\000\000\000\000\000\000\000\001\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000A\000\001\000\021\003\001\000vm\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\007\000\000\000\000\000\200\000\000\000\200\000\000\000\200\000\310\362\375C\256z\335\001\000\000\000\000\000"
        "\000\000\000\200\000J\000\320\000\000\000`H\006\006+\006\001\005\005\002\240>0<\240\0160\014\006\012+"
        "\006\001\004\001\2027\002\002\012\243*0(\240&\033$not_defined_in_RFC4178@please_"
        "ignore\000\000\000\000\000\000\001\000&\000\000\000\000\000\001\000 "
        "\000\001\000\177\177\240\337\000\317\300v\273\323\277\377."
        "D\326\360\344\320DP\302\322F\357\346\224\364\231\346\030k\211"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000/"
           "\377SMBr\000\000\000\000\030\001H\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
           "\000\000\000\014\000\002NT LM 0.12\000"),
    SAY("\000\000\000%\377SMBr\000\000\000\000\210\003@"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\001\377\377\000\000"),
};

static const struct talk_turn windows[] = {
    SAY("\000\000\000|\376SMB@"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000A\000\003\000\002\003\000\000gggggggggggggggg\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    {TALK_RESET, {NULL, 0}},
};

static const struct talk_turn both[] = {
    SAY("\000\000\000|\376SMB@"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000A\000\003\000\002\002\000\000gggggggggggggggg\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("\000\000\000E\377SMBr\000\000\000\000\230S\310\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\021\000\000\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
};

static const struct talk_turn only_1[] = {
    {TALK_END, {NULL, 0}},
    {TALK_AGAIN, {NULL, 0}},
    SAY("\000\000\000E\377SMBr\000\000\000\000\230S\310\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\021\000\000\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
};

static const struct talk_turn error[] = {
    SAY("\000\000\000I\376SMB@"
        "\000\000\000\273\000\000\300\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\000\011\000\000\000\000\000\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    {TALK_LATE, {NULL, 0}},
};

/* What is asked is known from the first exchange; here only the answers count. */
static void check(const struct talk_turn *turns, size_t count, const char *dialect, const char *is_signed,
                  const char *v1)
{
    const struct hostile_exchange exchange = {"smb", &target, turns, count};
    const struct protocol *protocol = protocol_find("smb");
    struct talk talk;

    memset(&talk, 0, sizeof(talk));
    dialogue_init(&talk.dialogue, &target, &talk.facts, &talk.evidence);
    talk.next = DIALOGUE_WAIT;
    protocol->ask(&talk.dialogue);
    for (size_t i = 0; i < count; i++) {
        hostile_turn(&talk, protocol, &turns[i]);
    }
    assert_int_equal(talk.next, DIALOGUE_DONE);
    assert_true(talk.dialogue.recognised);
    assert_string_equal(hostile_fact(&talk, "smb.dialect"), dialect);
    assert_string_equal(hostile_fact(&talk, "smb.signing"), is_signed);
    assert_string_equal(hostile_fact(&talk, "smb.v1"), v1);
    talk_done(&talk);
    for (size_t i = 0; i < count; i++) {
        if (turns[i].kind == TALK_SAY) {
            hostile_mutate(&exchange, i, turns[i].bytes);
        }
    }
}

static void learns_dialect_and_signing(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("smb", &target, samba));
    hostile_learn(&talk, HOSTILE_EXCHANGE("smb", &target, samba), DIALOGUE_DONE);
    talk_done(&talk);
    check(samba, sizeof(samba) / sizeof(*samba), "3.1.1", "false", "false");
    check(windows, sizeof(windows) / sizeof(*windows), "3.0.2", "true", "false");
}

static void learns_whether_smb_1_is_spoken(void **state)
{
    (void)state;
    check(both, sizeof(both) / sizeof(*both), "2.0.2", "true", "true");
    check(only_1, sizeof(only_1) / sizeof(*only_1), "", "", "true");
    check(error, sizeof(error) / sizeof(*error), "", "", "");
}

static void who_hangs_up_elsewhere_is_left_alone(void **state)
{
    struct talk talk;

    (void)state;
    talk_run(&talk, "smb", &elsewhere, only_1, 1, false);
    assert_int_equal(talk.next, DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_its_sign(void **state)
{
    (void)state;
    hostile_recognised("smb", samba[1].bytes);
    hostile_recognised("smb", both[2].bytes);
    hostile_stranger("smb", SPAN_OF("\0\0\0\x40\xfdSMB"));
    hostile_stranger("smb", SPAN_OF("\0\0\0\x40\xfeSMC"));
    hostile_stranger("smb", SPAN_OF("\x83\0\0\1\x8f"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_dialect_and_signing),
        cmocka_unit_test(learns_whether_smb_1_is_spoken),
        cmocka_unit_test(who_hangs_up_elsewhere_is_left_alone),
        cmocka_unit_test(is_recognised_by_its_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
