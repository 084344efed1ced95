#include "tests/unit/scanner/service/talk.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 22};

static void check(const struct talk_turn *turns, size_t count, enum dialogue_next next, const char *banner)
{
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        struct talk talk;
        talk_run(&talk, "ssh", &target, turns, count, bytewise != 0);
        assert_int_equal(talk.next, next);
        assert_int_equal(talk.dialogue.recognised, banner != NULL);
        if (banner != NULL) {
            assert_string_equal(facts_text(&talk.facts, "banner"), banner);
            assert_false(facts_truth(&talk.facts, "cleartext", true));
        } else {
            assert_int_equal(talk.facts.count, 0);
        }
        talk_done(&talk);
    }
}

static void reads_the_identification(void **state)
{
    static const struct talk_turn plain[] = {SAY("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")};
    static const struct talk_turn old[] = {SAY("SSH-1.99-Cisco-1.25\n")};
    static const struct talk_turn prelude[] = {SAY("Keep out\r\nSSH-2.0-dropbear\r\n")};

    (void)state;
    check(plain, 1, DIALOGUE_DONE, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3");
    check(old, 1, DIALOGUE_DONE, "SSH-1.99-Cisco-1.25");
    check(prelude, 1, DIALOGUE_DONE, "SSH-2.0-dropbear");
}

static void gives_up_on_others(void **state)
{
    static const struct talk_turn endless[] = {SAY("SSH-2.0-"), {TALK_LATE, {NULL, 0}}};
    static const struct talk_turn closed[] = {SAY("SSH-2.0-Open"), {TALK_END, {NULL, 0}}};
    static const struct talk_turn reset[] = {{TALK_RESET, {NULL, 0}}};

    (void)state;
    check(endless, 2, DIALOGUE_FOREIGN, NULL);
    check(closed, 2, DIALOGUE_FOREIGN, NULL);
    check(reset, 1, DIALOGUE_FOREIGN, NULL);
}

static void an_endless_line_or_prelude_ends(void **state)
{
    char line[300];
    char prelude[6000];
    const struct talk_turn long_line[] = {{TALK_SAY, {(const uint8_t *)line, sizeof(line)}}};
    const struct talk_turn long_prelude[] = {{TALK_SAY, {(const uint8_t *)prelude, sizeof(prelude)}}};

    (void)state;
    memset(line, 'x', sizeof(line));
    memset(prelude, '\n', sizeof(prelude));
    check(long_line, 1, DIALOGUE_FOREIGN, NULL);
    check(long_prelude, 1, DIALOGUE_FOREIGN, NULL);
}

static void is_recognised_by_its_sign(void **state)
{
    bool maybe;

    (void)state;
    assert_null(protocol_recognise(SPAN_OF("SS"), &maybe));
    assert_true(maybe);
    assert_string_equal(protocol_recognise(SPAN_OF("SSH-2.0-x"), &maybe)->name, "ssh");
    assert_int_equal(protocol_find("ssh")->recognise(SPAN_OF("SSX")), PROTOCOL_NO);
    assert_true(protocol_is_likely(protocol_find("ssh"), 2222, false));
    assert_false(protocol_is_likely(protocol_find("ssh"), 222, false));
    assert_false(protocol_is_likely(protocol_find("ssh"), 22, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_identification),
        cmocka_unit_test(gives_up_on_others),
        cmocka_unit_test(an_endless_line_or_prelude_ends),
        cmocka_unit_test(is_recognised_by_its_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
