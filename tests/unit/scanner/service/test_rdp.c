/* Those of xrdp are recorded from its version in Debian 12, under two of its security layers, that of FreeRDP from the
 * server of 2.11; the others are built from the specification. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 3389};
static const struct dialogue_target elsewhere = {.host = "10.0.0.5", .port = 80};

static const struct talk_turn old_and_tls[] = {
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\000\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\001\010\000\000\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\013\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\001\010\000\001\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
};

static const struct talk_turn only_tls[] = {
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\000\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\0224\000\003\000\010\000\001\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\013\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\001\010\000\001\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
};

/* It wants authentication before the session. */
static const struct talk_turn freerdp[] = {
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\000\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\000\000\000\003\000\010\000\005\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\013\000\000\000"),
    SAY("\003\000\000\023\016\320\000\000\000\000\000\002\003\010\000\002\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
};

#define OLD "\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\000\000\000\000"
#define ALL "\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\013\000\000\000"

static const struct talk_turn windows[] = {
    EXPECT(OLD),
    SAY("\003\000\000\023\016\320\000\000\0224\000\003\000\010\000\005\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT(ALL),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\037\010\000\010\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
};

static const struct talk_turn before_tls[] = {EXPECT(OLD), SAY("\003\000\000\013\006\320\000\000\0224\000")};

static const struct talk_turn hangs_up[] = {
    EXPECT(OLD),
    {TALK_END, {NULL, 0}},
    {TALK_AGAIN, {NULL, 0}},
    EXPECT(ALL),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\001\010\000\002\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
};

static const struct talk_turn no_certificate[] = {
    EXPECT(OLD),
    SAY("\003\000\000\023\016\320\000\000\0224\000\002\000\010\000\000\000\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT(ALL),
    SAY("\003\000\000\023\016\320\000\000\0224\000\003\000\010\000\002\000\000\000"),
};

static void check(const struct hostile_exchange *exchange, const char *methods, const char *starttls,
                  const char *required, const char *auth)
{
    struct talk talk;

    hostile(exchange);
    hostile_learn(&talk, exchange, DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth.methods"), methods);
    assert_string_equal(hostile_fact(&talk, "starttls"), starttls);
    assert_string_equal(hostile_fact(&talk, "tls.required"), required);
    assert_string_equal(hostile_fact(&talk, "cleartext"), strcmp(required, "true") == 0 ? "false" : "");
    assert_string_equal(hostile_fact(&talk, "auth"), auth);
    talk_done(&talk);
}

static void learns_what_security_there_is(void **state)
{
    (void)state;
    check(HOSTILE_EXCHANGE("rdp", &target, old_and_tls), "rdp tls", "true", "false", "");
    check(HOSTILE_EXCHANGE("rdp", &target, only_tls), "tls", "true", "true", "");
    check(HOSTILE_EXCHANGE("rdp", &target, freerdp), "nla", "true", "true", "required");
    check(HOSTILE_EXCHANGE("rdp", &target, windows), "nla", "true", "true", "required");
    check(HOSTILE_EXCHANGE("rdp", &target, before_tls), "rdp", "false", "false", "");
    check(HOSTILE_EXCHANGE("rdp", &target, hangs_up), "nla", "true", "", "");
    check(HOSTILE_EXCHANGE("rdp", &target, no_certificate), "rdp", "false", "false", "");
}

static void who_hangs_up_elsewhere_is_left_alone(void **state)
{
    struct talk talk;

    (void)state;
    talk_run(&talk, "rdp", &elsewhere, hangs_up, 2, false);
    assert_int_equal(talk.next, DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_its_confirmation(void **state)
{
    (void)state;
    hostile_recognised("rdp", windows[1].bytes);
    hostile_recognised("rdp", before_tls[1].bytes);
    hostile_stranger("rdp", SPAN_OF("\3\0\0\x13\x0e\xe0"));
    hostile_stranger("rdp", SPAN_OF("\3\0\0\x13\x0d\xd0"));
    hostile_stranger("rdp", SPAN_OF("\3\1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_what_security_there_is),
        cmocka_unit_test(who_hangs_up_elsewhere_is_left_alone),
        cmocka_unit_test(is_recognised_by_its_confirmation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
