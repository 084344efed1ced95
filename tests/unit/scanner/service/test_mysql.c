/* The exchanges of MariaDB are recorded from 10.11.19, with and without an anonymous account; those of MySQL 8 are
 * built from its specification. */
#include "tests/unit/scanner/service/hostile.h"

static const struct dialogue_target target = {.host = "10.0.0.5", .port = 3306, .doors = true};
static const struct dialogue_target no_doors = {.host = "10.0.0.5", .port = 3306};

static const struct talk_turn denied_inside[] = {
    SAY("d\000\000\000\0125.5.5-10.11.19-MariaDB-0+deb12u1\000o\000\000\000!p8abH!"
        "h\000\376\377\010\002\000\377\201\025\000\000\000\000\000\000\035\000\000\000le7#Es3D<>d^\000mysql_native_"
        "password\000"),
    EXPECT(" \000\000\001\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("A\000\000\002\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000mysql_native_password\000"),
    SAY("R\000\000\003\377\025\004#28000Access denied for user 'leastport'@'client.lab.test' (using password: NO)"),
};

static const struct talk_turn anonymous[] = {
    SAY("d\000\000\000\0125.5.5-10.11.19-MariaDB-0+deb12u1\000q\000\000\000YW)b5~?["
        "\000\376\377\010\002\000\377\201\025\000\000\000\000\000\000\035\000\000\000/"
        "v*gL%s5Nf7}\000mysql_native_password\000"),
    EXPECT(" \000\000\001\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("A\000\000\002\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000mysql_native_password\000"),
    SAY("\007\000\000\003\000\000\000\002\000\000\000"),
    EXPECT("\001\000\000\000\001"),
};

static const struct talk_turn anonymous_in_clear[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\367\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY("\007\000\000\002\000\000\000\002\000\000\000"),
    EXPECT("\001\000\000\000\001"),
};

static const struct talk_turn switched[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\377\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT(" \000\000\001\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("A\000\000\002\001\212\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY(",\000\000\002\376mysql_native_password\000uvwxyzuvwxyzuvwxyzuv\000"),
    EXPECT("\000\000\000\003"),
    SAY("K\000\000\004\377\025\004#28000Access denied for user 'leastport'@'10.0.0.9' (using password: NO)"),
};

static const struct talk_turn switched_to_sha[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\367\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY("&\000\000\002\376sha256_password\000uvwxyzuvwxyzuvwxyzuv\000"),
    EXPECT("\001\000\000\003\000"),
    SAY("K\000\000\004\377\025\004#28000Access denied for user 'leastport'@'10.0.0.9' (using password: NO)"),
};

static const struct talk_turn switched_to_questions[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\367\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY("\023\000\000\002\376dialog\000\002Password: "),
};

static const struct talk_turn insists_on_tls[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\367\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY("a\000\000\002\377W\014#HY000Connections using insecure transport are prohibited while "
        "--require_secure_transport=ON."),
};

static const struct talk_turn not_allowed[] = {
    SAY("C\000\000\000\377j\004Host '10.9.9.1' is not allowed to connect to this MariaDB server"),
};

static const struct talk_turn blocked[] = {
    SAY("i\000\000\000\377i\004Host '10.9.9.1' is blocked because of many connection errors; unblock with "
        "'mariadb-admin flush-hosts'"),
};

/* The head of a packet of 16 megabytes. */
static const struct talk_turn endless[] = {
    SAY("J\000\000\000\0128.0."
        "36\000\011\000\000\000abcdefgh\000\377\367\377\002\000\377\337\025\000\000\000\000\000\000\000\000\000\000ijkl"
        "mnopqrst\000caching_sha2_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000caching_sha2_password\000"),
    SAY("\377\377\377\002"),
};

static const struct talk_turn full[] = {SAY("\027\000\000\000\377\020\004Too many connections")};
static const struct talk_turn before_4_1[] = {
    SAY("'\000\000\000\0124.0.20\000\011\000\000\000abcdefgh\000,"
        "\000\010\002\000\000\000\000\000\000\000\000\000\000\000\000\000\000")};

/* MariaDB 10.11 of Debian 12, without TLS. */
static const struct talk_turn denied_without_password[] = {
    SAY("d\000\000\000\0125.5.5-10.11.19-MariaDB-0+deb12u1\000\005\000\000\000G3f-Jla!"
        "\000\376\367\010\002\000\377\201\025\000\000\000\000\000\000\035\000\000\000|"
        "sITKZccHzQd\000mysql_native_password\000"),
    EXPECT("A\000\000\001\001\202\010\000\000\000\000\001!"
           "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000leastport\000"
           "\000mysql_native_password\000"),
    SAY("6\000\000\002\377\242\006#28000Access denied for user 'leastport'@'10.0.0.9'"),
};

static void ends_the_handshake_by_a_login_that_is_denied(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mysql", &target, denied_inside));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, denied_inside), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), "5.5.5-10.11.19-MariaDB-0+deb12u1");
    assert_string_equal(hostile_fact(&talk, "starttls"), "true");
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "mysql_native_password");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "");
    assert_false(talk.dialogue.unwelcome);
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("mysql", &target, denied_without_password));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, denied_without_password), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "starttls"), "false");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    talk_done(&talk);
}

static void an_account_for_everyone_is_a_door(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mysql", &target, anonymous));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, anonymous), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    assert_string_equal(hostile_fact(&talk, "door"), "login as \"leastport\" without a password");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &no_doors, anonymous), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "none");
    talk_done(&talk);
    hostile(HOSTILE_EXCHANGE("mysql", &no_doors, anonymous_in_clear));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, anonymous_in_clear), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), "8.0.36");
    assert_string_equal(hostile_fact(&talk, "door"), "login as \"leastport\" without a password");
    assert_string_equal(hostile_fact(&talk, "starttls"), "false");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "true");
    assert_string_equal(hostile_fact(&talk, "tls.required"), "false");
    talk_done(&talk);
}

static void says_that_there_is_no_password_in_other_ways_too(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mysql", &target, switched));
    hostile(HOSTILE_EXCHANGE("mysql", &target, switched_to_sha));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, switched), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_string_equal(hostile_fact(&talk, "auth.methods"), "caching_sha2_password");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, switched_to_questions), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "auth"), "required");
    assert_int_equal(talk.dialogue.out_size, 0);
    talk_done(&talk);
}

static void a_server_that_insists_on_tls_says_so(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, insists_on_tls), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "tls.required"), "true");
    assert_string_equal(hostile_fact(&talk, "cleartext"), "false");
    talk_done(&talk);
}

static void errors_in_place_of_a_greeting_are_its_own(void **state)
{
    struct talk talk;

    (void)state;
    hostile(HOSTILE_EXCHANGE("mysql", &target, blocked));
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, blocked), DIALOGUE_DONE);
    assert_true(talk.dialogue.unwelcome);
    assert_int_equal(strncmp(hostile_fact(&talk, "banner"), "Host '10.9.9.1' is blocked", 26), 0);
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, not_allowed), DIALOGUE_DONE);
    assert_true(talk.dialogue.unwelcome);
    assert_string_equal(hostile_fact(&talk, "banner"),
                        "Host '10.9.9.1' is not allowed to connect to this MariaDB server");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, full), DIALOGUE_DONE);
    assert_false(talk.dialogue.unwelcome);
    assert_string_equal(hostile_fact(&talk, "banner"), "");
    talk_done(&talk);
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, before_4_1), DIALOGUE_DONE);
    assert_string_equal(hostile_fact(&talk, "banner"), "4.0.20");
    talk_done(&talk);
}

static void waits_for_no_endless_packet(void **state)
{
    struct talk talk;

    (void)state;
    hostile_learn(&talk, HOSTILE_EXCHANGE("mysql", &target, endless), DIALOGUE_DONE);
    talk_done(&talk);
}

static void is_recognised_by_its_greeting(void **state)
{
    (void)state;
    hostile_recognised("mysql", denied_inside[0].bytes);
    hostile_recognised("mysql", not_allowed[0].bytes);
    hostile_recognised("mysql", before_4_1[0].bytes);
    hostile_stranger("mysql", SPAN_OF("SSH-2.0-OpenSSH_9.2p1\r\n"));
    hostile_stranger("mysql", SPAN_OF("HTTP/1.1 400 Bad Request\r\n\r\n"));
    hostile_stranger("mysql", SPAN_OF("\x10\0\0\0\x0aMost peculiar\0\0\0"));
    hostile_stranger("mysql", SPAN_OF("\x10\0\0\0\xff\x01\0 no such error"));
    assert_true(protocol_find("mysql")->greets);
    assert_true(protocol_find("mysql")->delicate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_the_handshake_by_a_login_that_is_denied),
        cmocka_unit_test(an_account_for_everyone_is_a_door),
        cmocka_unit_test(says_that_there_is_no_password_in_other_ways_too),
        cmocka_unit_test(a_server_that_insists_on_tls_says_so),
        cmocka_unit_test(errors_in_place_of_a_greeting_are_its_own),
        cmocka_unit_test(waits_for_no_endless_packet),
        cmocka_unit_test(is_recognised_by_its_greeting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
