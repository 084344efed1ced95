/* VNC: servers that were recorded, and what RFC 6143 allows. */
#include "tests/unit/scanner/service/exchange.h"

/* TigerVNC 1.12 without and with a password, and after too many unfinished handshakes, recorded. */
static const struct talk_turn open[] = {SAY("RFB 003.008\n"), EXPECT("RFB 003.008\n"), SAY("\001\001")};

static const struct talk_turn password[] = {SAY("RFB 003.008\n"), EXPECT("RFB 003.008\n"), SAY("\2\23\2")};

static const struct talk_turn shut_out[] = {SAY("RFB 003.003\n"), EXPECT("RFB 003.003\n"),
                                            SAY("\0\0\0\0\0\0\0\32Too many security failures")};

/* Version 3.3: the server chooses (RFC 6143, section 7.1.2). */
static const struct talk_turn old[] = {SAY("RFB 003.003\n"), EXPECT("RFB 003.003\n"), SAY("\0\0\0\2")};

static const struct talk_turn old_open[] = {SAY("RFB 003.005\n"), EXPECT("RFB 003.003\n"), SAY("\0\0\0\1")};

static const struct talk_turn old_other[] = {SAY("RFB 003.003\n"), EXPECT("RFB 003.003\n"), SAY("\0\0\1\1")};

static const struct talk_turn seven[] = {SAY("RFB 003.007\n"), EXPECT("RFB 003.007\n"), SAY("\2\5\201")};

static const struct talk_turn apple[] = {SAY("RFB 003.889\n"), EXPECT("RFB 003.008\n"), SAY("\3\36\41\377")};

static const struct talk_turn refused[] = {SAY("RFB 003.008\n"), EXPECT("RFB 003.008\n"), SAY("\0\0\0\0\4full")};

static const struct talk_turn repeater[] = {SAY("RFB 000.000\n")};

static const struct talk_turn mute[] = {SAY("RFB 003.008\n"), EXPECT("RFB 003.008\n"), {TALK_LATE, {NULL, 0}}};

static const struct talk_turn foreign[] = {SAY("RFB three\n")};

static const struct exchange exchanges[] = {
    {.protocol = "vnc",
     .port = 5900,
     TURNS(open),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "auth.methods=None\n"
              "banner=RFB 003.008\n"
              "cleartext=true\n"
              "door=security type None\n"},
    {.protocol = "vnc",
     .port = 5900,
     TURNS(password),
     .next = DIALOGUE_DONE,
     .facts = "auth.methods=VeNCrypt VncAuth\n"
              "banner=RFB 003.008\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "vnc", .port = 5900, TURNS(shut_out), .next = DIALOGUE_DONE, .facts = ""},
    {.protocol = "vnc",
     .port = 5900,
     TURNS(old),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=VncAuth\n"
              "banner=RFB 003.003\n"
              "cleartext=true\n"},
    {.protocol = "vnc",
     .port = 5900,
     TURNS(old_open),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "auth.methods=None\n"
              "banner=RFB 003.005\n"
              "cleartext=true\n"
              "door=security type None\n"},
    {.protocol = "vnc", .port = 5900, TURNS(old_other), .next = DIALOGUE_DONE, .facts = "banner=RFB 003.003\n"},
    {.protocol = "vnc",
     .port = 5900,
     TURNS(seven),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=RA2 RA256\n"
              "banner=RFB 003.007\n"
              "cleartext=false\n"},
    {.protocol = "vnc",
     .port = 5900,
     TURNS(apple),
     .next = DIALOGUE_DONE,
     .facts = "auth.methods=AppleDH AppleDHRSA\n"
              "banner=RFB 003.889\n"
              "cleartext=true\n"},
    {.protocol = "vnc", .port = 5900, TURNS(refused), .next = DIALOGUE_DONE, .facts = "banner=RFB 003.008\n"},
    {.protocol = "vnc", .port = 5900, TURNS(repeater), .next = DIALOGUE_DONE, .facts = "banner=RFB 000.000\n"},
    {.protocol = "vnc", .port = 5900, TURNS(mute), .next = DIALOGUE_DONE, .facts = "banner=RFB 003.008\n"},
    {.protocol = "vnc", .port = 5900, .foreign = true, TURNS(foreign), .next = DIALOGUE_FOREIGN, .facts = ""},
};

static void learns_and_bears_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
        exchange_check(&exchanges[i]);
    }
}

static void is_recognised_by_its_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 003.008\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 000.000\nxx")), PROTOCOL_YES);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RF")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB ")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 0")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 003.0")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFC 003.008\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB x")), PROTOCOL_NO);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 003.008\r")), PROTOCOL_NO);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 003-008\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("vnc")->recognise(SPAN_OF("RFB 003.0x8\n")), PROTOCOL_NO);
}

static void one_who_has_had_enough_is_left_alone(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 5900};
    static const struct talk_turn refused_old[] = {SAY("RFB 003.003\n"), EXPECT("RFB 003.003\n"), SAY("\0\0\0\0")};
    static const struct talk_turn refused_now[] = {SAY("RFB 003.008\n"), EXPECT("RFB 003.008\n"), SAY("\0\0\0\0\0")};
    struct talk talk;

    (void)state;
    talk_run(&talk, "vnc", &target, refused_old, 3, false);
    assert_true(talk.dialogue.unwelcome);
    talk_done(&talk);
    talk_run(&talk, "vnc", &target, refused_now, 3, false);
    assert_true(talk.dialogue.unwelcome);
    talk_done(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
        cmocka_unit_test(one_who_has_had_enough_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
