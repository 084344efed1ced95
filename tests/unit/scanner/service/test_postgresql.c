/* All exchanges are recorded from PostgreSQL 15.18, under one pg_hba.conf each. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 5432, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 5432};

/* host all all 0.0.0.0/0 scram-sha-256 */
static const struct talk_turn scram[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("S"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("R\000\000\000*\000\000\000\012SCRAM-SHA-256-PLUS\000SCRAM-SHA-256\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("R\000\000\000\027\000\000\000\012SCRAM-SHA-256\000\000"),
};

/* hostssl all all 0.0.0.0/0 scram-sha-256 */
static const struct talk_turn requires_tls[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("S"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("\000\000\000*\000\003\000\000user\000leastport\000database\000postgres\000\000"),
    SAY("R\000\000\000*\000\000\000\012SCRAM-SHA-256-PLUS\000SCRAM-SHA-256\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000*\000\003\000\000user\000leastport\000database\000postgres\000\000"),
    SAY("E\000\000\000\235SFATAL\000VFATAL\000C28000\000Mno pg_hba.conf entry for host \"10.9.9.1\", user "
        "\"leastport\", database \"postgres\", no encryption\000Fauth.c\000L544\000RClientAuthentication\000\000"),
};

/* host all all 0.0.0.0/0 trust */
static const struct talk_turn trust[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("S"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("R\000\000\000\010\000\000\000\000S\000\000\000\026application_name\000\000S\000\000\000\031client_"
        "encoding\000UTF8\000S\000\000\000\027DateStyle\000ISO, "
        "MDY\000S\000\000\000&default_transaction_read_only\000off\000S\000\000\000\027in_hot_"
        "standby\000off\000S\000\000\000\031integer_"
        "datetimes\000on\000S\000\000\000\033IntervalStyle\000postgres\000S\000\000\000\024is_"
        "superuser\000on\000S\000\000\000\031server_encoding\000UTF8\000S\000\000\0002server_version\00015.18 (Debian "
        "15.18-0+deb12u1)\000S\000\000\000#session_authorization\000postgres\000S\000\000\000#standard_conforming_"
        "strings\000on\000S\000\000\000\025TimeZone\000Etc/"
        "UTC\000K\000\000\000\014\000\000\006\370\356\252<\321Z\000\000\000\005I"),
    EXPECT("X\000\000\000\004"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("R\000\000\000\010\000\000\000\000S\000\000\000\026application_name\000\000S\000\000\000\031client_"
        "encoding\000UTF8\000S\000\000\000\027DateStyle\000ISO, "
        "MDY\000S\000\000\000&default_transaction_read_only\000off\000S\000\000\000\027in_hot_"
        "standby\000off\000S\000\000\000\031integer_"
        "datetimes\000on\000S\000\000\000\033IntervalStyle\000postgres\000S\000\000\000\024is_"
        "superuser\000on\000S\000\000\000\031server_encoding\000UTF8\000S\000\000\0002server_version\00015.18 (Debian "
        "15.18-0+deb12u1)\000S\000\000\000#session_authorization\000postgres\000S\000\000\000#standard_conforming_"
        "strings\000on\000S\000\000\000\025TimeZone\000Etc/"
        "UTC\000K\000\000\000\014\000\000\006\371\013\343\201}Z\000\000\000\005I"),
    EXPECT("X\000\000\000\004"),
};

static const struct talk_turn trust_kept_shut[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("S"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("\000\000\000*\000\003\000\000user\000leastport\000database\000postgres\000\000"),
    SAY("R\000\000\000\010\000\000\000\000E\000\000\000eSFATAL\000VFATAL\000C28000\000Mrole \"leastport\" does not "
        "exist\000Fmiscinit.c\000L768\000RInitializeSessionUserId\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000*\000\003\000\000user\000leastport\000database\000postgres\000\000"),
    SAY("R\000\000\000\010\000\000\000\000E\000\000\000eSFATAL\000VFATAL\000C28000\000Mrole \"leastport\" does not "
        "exist\000Fmiscinit.c\000L768\000RInitializeSessionUserId\000\000"),
};

/* no line for us */
static const struct talk_turn no_rule[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("S"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("E\000\000\000\235SFATAL\000VFATAL\000C28000\000Mno pg_hba.conf entry for host \"10.9.9.1\", user "
        "\"postgres\", database \"postgres\", SSL encryption\000Fauth.c\000L544\000RClientAuthentication\000\000"),
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("E\000\000\000\234SFATAL\000VFATAL\000C28000\000Mno pg_hba.conf entry for host \"10.9.9.1\", user "
        "\"postgres\", database \"postgres\", no encryption\000Fauth.c\000L544\000RClientAuthentication\000\000"),
};

/* ssl = off */
static const struct talk_turn without_tls[] = {
    EXPECT("\000\000\000\010\004\322\026/"),
    SAY("N"),
    EXPECT("\000\000\000)\000\003\000\000user\000postgres\000database\000postgres\000\000"),
    SAY("R\000\000\000\027\000\000\000\012SCRAM-SHA-256\000\000"),
};

/* TLS is offered and then fails. */
static const struct talk_turn broken_tls[] = {
    EXPECT("\0\0\0\x08\x04\xd2\x16/"),
    SAY("S"),
    {TALK_UNSECURE, {NULL, 0}},
    {TALK_AGAIN, {NULL, 0}},
    EXPECT("\0\0\0)\0\3\0\0user\0postgres\0database\0postgres\0\0"),
    SAY("R\0\0\0\x0c\0\0\0\5salt"),
};

/* What follows the one byte in the same breath could be put there by anyone on the way. */
static const struct talk_turn stuffed[] = {
    EXPECT("\0\0\0\x08\x04\xd2\x16/"),
    SAY("SR\0\0\0\x08\0\0\0\0"),
};

static void learns_how_it_authenticates(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("postgresql", &target, scram));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, scram), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "SCRAM-SHA-256");
    assert_string_equal(hostile_fact(&talk, "starttls"), "true");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "false");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, without_tls), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "starttls"), "false");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "false");
    talk_done(&talk);
}

static void learns_whether_tls_is_required(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("postgresql", &no_doors, requires_tls));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &no_doors, requires_tls), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "tls.required"), "true");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "false");
    assert_string_equal(hostile_fact(&talk, "product"), "PostgreSQL");
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("postgresql", &target, no_rule));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, no_rule), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "tls.required"), "");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "");
    assert_string_equal(hostile_fact(&talk, "auth"), "");
    talk_done(&talk);
}

static void whoever_is_trusted_finds_the_door_open(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("postgresql", &target, trust));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, trust), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    assert_string_equal(hostile_fact(&talk, "door"), "a session as \"postgres\" without a password");
    assert_string_equal(hostile_fact(&talk, "version"), "15.18");
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("postgresql", &no_doors, trust_kept_shut));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &no_doors, trust_kept_shut), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "");
    assert_string_equal(hostile_fact(&talk, "version"), "");
    talk_done(&talk);
}

static void tls_that_fails_is_not_the_end(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("postgresql", &target, broken_tls));
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, broken_tls), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "md5");
    talk_done(&talk);
}

static void nothing_in_clear_is_taken_for_something_inside(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("postgresql", &target, stuffed), DIALOGUE_FOREIGN);
    talk_done(&talk);
}

static void is_recognised_by_its_messages(void **state)
{
    (void)state;
    hostile_recognised("postgresql", SPAN_OF("R\0\0\0\x0c\0\0\0\5salt"));
    hostile_recognised("postgresql", SPAN_OF("E\0\0\0\x1dSFATAL\0C08P01\0Mno\0\0"));
    hostile_stranger("postgresql", SPAN_OF("EHLO"));
    hostile_stranger("postgresql", SPAN_OF("R\0\0\0\x0c\0\0\x05\5salt"));
    hostile_stranger("postgresql", SPAN_OF("E\0\1\0\0S"));
    hostile_stranger("postgresql", SPAN_OF("SSH-2.0-x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_how_it_authenticates),
        cmocka_unit_test(learns_whether_tls_is_required),
        cmocka_unit_test(whoever_is_trusted_finds_the_door_open),
        cmocka_unit_test(tls_that_fails_is_not_the_end),
        cmocka_unit_test(nothing_in_clear_is_taken_for_something_inside),
        cmocka_unit_test(is_recognised_by_its_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
