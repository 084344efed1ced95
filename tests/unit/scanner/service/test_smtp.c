/* SMTP: servers that were recorded, and what RFC 5321 and its kin allow. */
#include "tests/unit/scanner/service/exchange.h"

/* Postfix 3.7.11, recorded: as it is on port 25, insisting on TLS, without TLS, and inside TLS from the start. */
static const struct talk_turn postfix[] = {
    SAY("220 mail.lab.example ESMTP Postfix\r\n"),
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-"
        "SMTPUTF8\r\n250 CHUNKING\r\n"),
    EXPECT("RSET\r\n"),
    SAY("250 2.0.0 Ok\r\n"),
    EXPECT("STARTTLS\r\n"),
    SAY("220 2.0.0 Ready to start TLS\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 "
        "CHUNKING\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 2.0.0 Bye\r\n")};

static const struct talk_turn postfix_insists[] = {
    SAY("220 mail.lab.example ESMTP Postfix\r\n"),
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-"
        "SMTPUTF8\r\n250 CHUNKING\r\n"),
    EXPECT("RSET\r\n"),
    SAY("530 5.7.0 Must issue a STARTTLS command first\r\n"),
    EXPECT("STARTTLS\r\n"),
    SAY("220 2.0.0 Ready to start TLS\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 "
        "CHUNKING\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 2.0.0 Bye\r\n")};

static const struct talk_turn postfix_clear[] = {
    SAY("220 mail.lab.example ESMTP Postfix\r\n"), EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 "
        "CHUNKING\r\n"),
    EXPECT("QUIT\r\n"), SAY("221 2.0.0 Bye\r\n")};

static const struct talk_turn postfix_inside[] = {
    SAY("220 mail.lab.example ESMTP Postfix\r\n"), EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mail.lab.example\r\n250-PIPELINING\r\n250-SIZE "
        "10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 "
        "CHUNKING\r\n"),
    EXPECT("QUIT\r\n"), SAY("221 2.0.0 Bye\r\n")};

/* Users authenticate inside TLS only (RFC 4954, section 4), or in clear as well. */
static const struct talk_turn submission[] = {
    SAY("220 mx.example.org ESMTP\r\n"),
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mx.example.org\r\n250 STARTTLS\r\n"),
    EXPECT("RSET\r\n"),
    SAY("250 OK\r\n"),
    EXPECT("STARTTLS\r\n"),
    SAY("220 Go ahead\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mx.example.org\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=LOGIN PLAIN\r\n250 HELP\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 Bye\r\n")};

static const struct talk_turn auth_in_clear[] = {
    SAY("220 mx.example.org ESMTP\r\n"),
    EXPECT("EHLO leastport.invalid\r\n"),
    SAY("250-mx.example.org\r\n250-AUTH CRAM-MD5 <script> PLAIN\r\n250 STARTTLS\r\n"),
    EXPECT("RSET\r\n"),
    SAY("250 OK\r\n"),
    EXPECT("STARTTLS\r\n"),
    SAY("220 Go ahead\r\n"),
    {TALK_UNSECURE, {NULL, 0}}};

static const struct talk_turn auth_in_both[] = {SAY("220 mx.example.org ESMTP\r\n"),
                                                EXPECT("EHLO leastport.invalid\r\n"),
                                                SAY("250-mx.example.org\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
                                                EXPECT("RSET\r\n"),
                                                SAY("530 5.7.0 Authentication required\r\n"),
                                                EXPECT("STARTTLS\r\n"),
                                                SAY("220 Go ahead\r\n"),
                                                {TALK_SECURE, {NULL, 0}},
                                                EXPECT("EHLO leastport.invalid\r\n"),
                                                SAY("250-mx.example.org\r\n250 AUTH LOGIN\r\n"),
                                                EXPECT("QUIT\r\n"),
                                                SAY("221 bye\r\n")};

static const struct talk_turn offer_withdrawn[] = {SAY("220 mx.example.org ESMTP\r\n"),
                                                   EXPECT("EHLO leastport.invalid\r\n"),
                                                   SAY("250-mx.example.org\r\n250 STARTTLS\r\n"),
                                                   EXPECT("RSET\r\n"),
                                                   SAY("250 OK\r\n"),
                                                   EXPECT("STARTTLS\r\n"),
                                                   SAY("454 TLS not available\r\n"),
                                                   EXPECT("QUIT\r\n"),
                                                   {TALK_END, {NULL, 0}}};

/* EHLO is not known (RFC 5321, section 3.2); the greeting names no protocol. */
static const struct talk_turn old[] = {SAY("220-host.example.org\r\n220 ready\r\n"),
                                       EXPECT("EHLO leastport.invalid\r\n"),
                                       SAY("500 what?\r\n"),
                                       EXPECT("HELO leastport.invalid\r\n"),
                                       SAY("250 host.example.org\r\n"),
                                       EXPECT("QUIT\r\n"),
                                       SAY("221 bye\r\n")};

/* Refusals (RFC 5321, section 3.1; RFC 7504). */
static const struct talk_turn no_service[] = {
    SAY("554 mx.example.org No SMTP service here\r\n"), EXPECT("QUIT\r\n"), {TALK_END, {NULL, 0}}};

static const struct talk_turn busy[] = {SAY("421 mx.example.org Service not available\r\n"), EXPECT("QUIT\r\n"),
                                        SAY("221 bye\r\n")};

/* What greets so and then knows neither EHLO nor HELO. */
static const struct talk_turn not_mail[] = {
    SAY("220 hello\r\n"), EXPECT("EHLO leastport.invalid\r\n"), SAY("530 Please login with USER and PASS.\r\n"),
    EXPECT("HELO leastport.invalid\r\n"), SAY("530 Please login with USER and PASS.\r\n")};

static const struct talk_turn no_reply[] = {SAY("SSH-2.0-x\r\n")};

/* The first line of the answer holds no keyword. */
static const struct talk_turn stale_bytes[] = {SAY("220 mx.example.org ESMTP\r\n"),
                                               EXPECT("EHLO leastport.invalid\r\n"), SAY("250 STARTTLS\r\n"),
                                               EXPECT("QUIT\r\n"), SAY("221 x\r\n")};

static const struct exchange exchanges[] = {
    {.protocol = "smtp",
     .port = 25,
     TURNS(postfix),
     .next = DIALOGUE_DONE,
     .facts = "banner=mail.lab.example ESMTP Postfix\n"
              "cleartext=true\n"
              "hostname=mail.lab.example\n"
              "starttls=true\n"},
    {.protocol = "smtp",
     .port = 587,
     TURNS(postfix_insists),
     .next = DIALOGUE_DONE,
     .facts = "banner=mail.lab.example ESMTP Postfix\n"
              "cleartext=false\n"
              "hostname=mail.lab.example\n"
              "starttls=true\n"
              "tls.required=true\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(postfix_clear),
     .next = DIALOGUE_DONE,
     .facts = "banner=mail.lab.example ESMTP Postfix\n"
              "cleartext=true\n"
              "hostname=mail.lab.example\n"
              "starttls=false\n"},
    {.protocol = "smtp",
     .port = 465,
     .secured = true,
     TURNS(postfix_inside),
     .next = DIALOGUE_DONE,
     .facts = "banner=mail.lab.example ESMTP Postfix\n"
              "cleartext=false\n"
              "hostname=mail.lab.example\n"},
    {.protocol = "smtp",
     .port = 587,
     TURNS(submission),
     .next = DIALOGUE_DONE,
     .facts = "auth.methods=PLAIN LOGIN\n"
              "banner=mx.example.org ESMTP\n"
              "cleartext=false\n"
              "hostname=mx.example.org\n"
              "starttls=true\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(auth_in_clear),
     .next = DIALOGUE_DONE,
     .facts = "auth.methods=CRAM-MD5 PLAIN\n"
              "banner=mx.example.org ESMTP\n"
              "cleartext=true\n"
              "hostname=mx.example.org\n"
              "starttls=true\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(auth_in_both),
     .next = DIALOGUE_DONE,
     .facts = "auth.methods=LOGIN\n"
              "banner=mx.example.org ESMTP\n"
              "cleartext=true\n"
              "hostname=mx.example.org\n"
              "starttls=true\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(offer_withdrawn),
     .next = DIALOGUE_DONE,
     .facts = "banner=mx.example.org ESMTP\n"
              "cleartext=true\n"
              "hostname=mx.example.org\n"
              "starttls=false\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(old),
     .next = DIALOGUE_DONE,
     .facts = "banner=host.example.org\n"
              "cleartext=true\n"
              "hostname=host.example.org\n"
              "starttls=false\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(no_service),
     .next = DIALOGUE_DONE,
     .facts = "banner=mx.example.org No SMTP service here\n"
              "hostname=mx.example.org\n"},
    {.protocol = "smtp",
     .port = 25,
     TURNS(busy),
     .next = DIALOGUE_DONE,
     .facts = "banner=mx.example.org Service not available\n"
              "hostname=mx.example.org\n"},
    {.protocol = "smtp",
     .port = 25,
     .foreign = true,
     TURNS(not_mail),
     .next = DIALOGUE_FOREIGN,
     .facts = "banner=hello\n"},
    {.protocol = "smtp", .port = 25, .foreign = true, TURNS(no_reply), .next = DIALOGUE_FOREIGN, .facts = ""},
    {.protocol = "smtp",
     .port = 25,
     TURNS(stale_bytes),
     .next = DIALOGUE_DONE,
     .facts = "banner=mx.example.org ESMTP\n"
              "cleartext=true\n"
              "hostname=mx.example.org\n"
              "starttls=false\n"},
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
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 mx.example.org hello\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220-SMTP of")), PROTOCOL_YES);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("554 no SMTP here\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 x ESMTP y\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("2")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 mx.exam")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220-hello\r\n220 mx")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 ftp.example.org FTP server\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 hello\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("250 mx.example.org\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("HTTP/1.1 220\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("2xx\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("smtp")->recognise(SPAN_OF("220 \001\002")), PROTOCOL_NO);
}

static void is_told_from_the_others(void **state)
{
    bool maybe;

    (void)state;
    assert_string_equal(protocol_recognise(SPAN_OF("220 mx.example.org ready\r\n"), &maybe)->name, "smtp");
    assert_string_equal(protocol_recognise(SPAN_OF("220 mx ESMTP\r\n"), &maybe)->name, "smtp");
    assert_string_equal(protocol_recognise(SPAN_OF("220 mx FTP\r\n"), &maybe)->name, "ftp");
    assert_string_equal(protocol_recognise(SPAN_OF("220 hello\r\n"), &maybe)->name, "ftp");
}

static void what_follows_the_consent_to_tls_is_dropped(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 25};
    static const struct talk_turn turns[] = {
        SAY("220 mx.example.org ESMTP\r\n"),
        EXPECT("EHLO leastport.invalid\r\n"),
        SAY("250-mx.example.org\r\n250 STARTTLS\r\n"),
        EXPECT("RSET\r\n"),
        SAY("250 OK\r\n"),
        EXPECT("STARTTLS\r\n"),
        SAY("220 Go ahead\r\n250 AUTH PLAIN\r\n"),
    };
    struct talk talk;

    (void)state;
    talk_run(&talk, "smtp", &target, turns, sizeof(turns) / sizeof(*turns), false);
    assert_int_equal(talk.next, DIALOGUE_SECURE);
    assert_int_equal(talk.in_size, 0);
    talk_done(&talk);
}

static void one_who_has_had_enough_is_left_alone(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 25};
    static const struct talk_turn turns[] = {SAY("421 mx.example.org too many connections\r\n")};
    struct talk talk;

    (void)state;
    talk_run(&talk, "smtp", &target, turns, 1, false);
    assert_true(talk.dialogue.unwelcome);
    talk_done(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
        cmocka_unit_test(is_told_from_the_others),
        cmocka_unit_test(what_follows_the_consent_to_tls_is_dropped),
        cmocka_unit_test(one_who_has_had_enough_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
