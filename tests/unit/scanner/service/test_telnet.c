/* Telnet: a server that was recorded, and what RFC 854 allows. */
#include "tests/unit/scanner/service/exchange.h"

/* GNU inetutils 2.4 with the login of shadow-utils, recorded. */
static const struct talk_turn inetutils[] = {
    SAY("\377\373%\377\373&\377\375\030\377\375 \377\375#\377\375'\377\375$"),
    EXPECT("\377\376%\377\376&\377\374\030\377\374 \377\374#\377\374'\377\374$"),
    SAY("\377\373\003\377\375\001\377\375\"\377\375\037\377\373\005\377\375!"),
    EXPECT("\377\376\003\377\374\001\377\374\"\377\374\037\377\376\005\377\374!"),
    SAY("\377\373\001\377\375\006\377\375\000"),
    EXPECT("\377\376\001\377\374\006\377\374\000"),
    SAY("\r\nLinux 6.12.43-1-amd64 (lab) (pts/0)\r\n\r\n\377\373\003\377\373\001lab login: ")};

/* Subnegotiations, commands of one byte and doubled bytes are not text; who asks again gets no second answer. */
static const struct talk_turn subnegotiation[] = {
    SAY("\377\375\1\377\372\30\1x\377\360\377\361\377\375\1\r\nUser Access \377\377\r\n\r\n"), EXPECT("\377\374\1"),
    SAY("Username: ")};

/* Text alone, that asks for a password. */
static const struct talk_turn prompt[] = {SAY("\r\nRouter\r\n\r\nPassword:")};

/* Options, and then no prompt that is known. */
static const struct talk_turn menu[] = {
    SAY("\377\373\1"), EXPECT("\377\376\1"), SAY("Choose: 1) start\r\n> "), {TALK_LATE, {NULL, 0}}};

static const struct talk_turn inside[] = {SAY("\377\373\3"), EXPECT("\377\376\3"), SAY("a login: ")};

/* A subnegotiation without an end. */
static const struct talk_turn unfinished[] = {
    SAY("\377\375\1\377\372\30xxxx"), EXPECT("\377\374\1"), {TALK_END, {NULL, 0}}};

static const struct talk_turn text[] = {SAY("hello there\r\n"), {TALK_LATE, {NULL, 0}}};

static const struct talk_turn binary[] = {SAY("\1\2\3")};

static const struct exchange exchanges[] = {
    {.protocol = "telnet",
     .port = 23,
     TURNS(inetutils),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=Linux 6.12.43-1-amd64 (lab) (pts/0)\n"
              "cleartext=true\n"
              "hostname=lab\n"},
    {.protocol = "telnet",
     .port = 23,
     TURNS(subnegotiation),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=User Access \\xFF\n"
              "cleartext=true\n"},
    {.protocol = "telnet",
     .port = 23,
     TURNS(prompt),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=Router\n"
              "cleartext=true\n"},
    {.protocol = "telnet",
     .port = 23,
     TURNS(menu),
     .next = DIALOGUE_DONE,
     .facts = "banner=Choose: 1) start\n"
              "cleartext=true\n"},
    {.protocol = "telnet",
     .port = 992,
     .secured = true,
     TURNS(inside),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=a login:\n"
              "cleartext=false\n"
              "hostname=a\n"},
    {.protocol = "telnet", .port = 23, TURNS(unfinished), .next = DIALOGUE_DONE, .facts = "cleartext=true\n"},
    {.protocol = "telnet", .port = 23, .foreign = true, TURNS(text), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "telnet", .port = 23, .foreign = true, TURNS(binary), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\373\1")), PROTOCOL_YES);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\372\30\1")), PROTOCOL_YES);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("login: ")), PROTOCOL_YES);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("a\r\nUser name:")), PROTOCOL_YES);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("Password:")), PROTOCOL_YES);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\375")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("hello")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("a:b: ")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\1\2")), PROTOCOL_NO);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\360\1")), PROTOCOL_NO);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\375\177")), PROTOCOL_NO);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\377\0\0")), PROTOCOL_NO);
    assert_int_equal(protocol_find("telnet")->recognise(SPAN_OF("\1login:")), PROTOCOL_NO);
}

static void every_option_is_refused_once(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 23};
    uint8_t bytes[2 * 256 * 3 * 2];
    const struct talk_turn turns[] = {{TALK_SAY, {bytes, sizeof(bytes)}}};
    struct talk talk;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes) / 3; i++) {
        bytes[3 * i] = 255;
        bytes[3 * i + 1] = i % 2 == 0 ? 251 : 253;
        bytes[3 * i + 2] = (uint8_t)(i / 2);
    }
    talk_run(&talk, "telnet", &target, turns, 1, false);
    assert_int_equal(talk.next, DIALOGUE_WAIT);
    assert_int_equal(talk.dialogue.out_size, sizeof(bytes) / 2);
    talk_done(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
        cmocka_unit_test(every_option_is_refused_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
