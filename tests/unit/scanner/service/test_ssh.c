/* SSH: its identification, and how we part. */
#include "tests/unit/scanner/service/exchange.h"

/* OpenSSH 9.2p1, recorded; of its KEXINIT (RFC 4253, section 7.1) the beginning. */
static const struct talk_turn openssh[] = {SAY("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
                                           EXPECT("SSH-2.0-Leastport\r\n\0\0\0\044\012\001\0\0\0\013\0\0\0\014"
                                                  "version seen\0\0\0\0"
                                                  "\0\0\0\0\0\0\0\0\0\0"),
                                           SAY("\0\0\3\354\5\24"),
                                           {TALK_END, {NULL, 0}}};

static const struct talk_turn old[] = {SAY("SSH-1.99-Cisco-1.25\n"),
                                       EXPECT("SSH-2.0-Leastport\r\n\0\0\0\044\012\001\0\0\0\013\0\0\0\014"
                                              "version seen\0\0\0\0"
                                              "\0\0\0\0\0\0\0\0\0\0"),
                                       {TALK_RESET, {NULL, 0}}};

static const struct talk_turn with_prelude[] = {SAY("Keep out\r\nSSH-2.0-dropbear\r\n"),
                                                EXPECT("SSH-2.0-Leastport\r\n\0\0\0\044\012\001\0\0\0\013\0\0\0\014"
                                                       "version seen\0\0\0\0"
                                                       "\0\0\0\0\0\0\0\0\0\0"),
                                                {TALK_LATE, {NULL, 0}}};

/* Version 1 knows other packets. */
static const struct talk_turn older[] = {SAY("SSH-1.5-x\n")};

/* Nothing whole has come. */
static const struct talk_turn endless[] = {SAY("SSH-2.0-"), {TALK_LATE, {NULL, 0}}};

static const struct talk_turn closed[] = {SAY("SSH-2.0-Open"), {TALK_END, {NULL, 0}}};

static const struct talk_turn reset[] = {{TALK_RESET, {NULL, 0}}};

static const struct exchange exchanges[] = {
    {.protocol = "ssh",
     .port = 22,
     TURNS(openssh),
     .next = DIALOGUE_DONE,
     .facts = "banner=SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\n"
              "cleartext=false\n"},
    {.protocol = "ssh",
     .port = 22,
     TURNS(old),
     .next = DIALOGUE_DONE,
     .facts = "banner=SSH-1.99-Cisco-1.25\n"
              "cleartext=false\n"},
    {.protocol = "ssh",
     .port = 22,
     TURNS(with_prelude),
     .next = DIALOGUE_DONE,
     .facts = "banner=SSH-2.0-dropbear\n"
              "cleartext=false\n"},
    {.protocol = "ssh",
     .port = 22,
     TURNS(older),
     .next = DIALOGUE_DONE,
     .facts = "banner=SSH-1.5-x\n"
              "cleartext=false\n"},
    {.protocol = "ssh", .port = 22, .foreign = true, TURNS(endless), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "ssh", .port = 22, .foreign = true, TURNS(closed), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "ssh", .port = 22, .foreign = true, TURNS(reset), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SSH-2.0-x")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SS")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SSH")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SSX")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SSH:")), PROTOCOL_NO);
}

static void an_endless_line_or_prelude_ends(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 22};
    char line[300];
    char prelude[6000];
    const struct talk_turn long_line[] = {{TALK_SAY, {(const uint8_t *)line, sizeof(line)}}};
    const struct talk_turn long_prelude[] = {{TALK_SAY, {(const uint8_t *)prelude, sizeof(prelude)}}};
    struct talk talk;

    (void)state;
    memset(line, 'x', sizeof(line));
    memset(prelude, '\n', sizeof(prelude));
    talk_run(&talk, "ssh", &target, long_line, 1, true);
    assert_int_equal(talk.next, DIALOGUE_FOREIGN);
    talk_done(&talk);
    talk_run(&talk, "ssh", &target, long_prelude, 1, true);
    assert_int_equal(talk.next, DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_likely_on_its_ports(void **state)
{
    (void)state;
    assert_true(protocol_is_likely(protocol_find("ssh"), 2222, false));
    assert_false(protocol_is_likely(protocol_find("ssh"), 222, false));
    assert_false(protocol_is_likely(protocol_find("ssh"), 22, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
        cmocka_unit_test(an_endless_line_or_prelude_ends),
        cmocka_unit_test(is_likely_on_its_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
