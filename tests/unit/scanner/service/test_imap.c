/* IMAP: a server that was recorded, and what RFC 9051 and RFC 2971 allow. */
#include "tests/unit/scanner/service/exchange.h"

/* Dovecot 2.3.19, recorded: insisting on TLS, inside TLS, and in clear. */
static const struct talk_turn dovecot[] = {
    SAY("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot "
        "(Debian) ready.\r\n"),
    EXPECT("a CAPABILITY\r\n"),
    SAY("* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED\r\na OK "
        "Pre-login capabilities listed, post-login capabilities have more.\r\n"),
    EXPECT("b ID NIL\r\n"),
    SAY("* ID (\"name\" \"Dovecot\")\r\nb OK ID completed.\r\n"),
    EXPECT("c STARTTLS\r\n"),
    SAY("c OK Begin TLS negotiation now.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("d CAPABILITY\r\n"),
    SAY("* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN\r\nd OK Pre-login "
        "capabilities listed, post-login capabilities have more.\r\n"),
    EXPECT("z LOGOUT\r\n"),
    SAY("* BYE Logging out\r\nz OK Logout completed.\r\n")};

static const struct talk_turn dovecot_inside[] = {
    SAY("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot (Debian) "
        "ready.\r\n"),
    EXPECT("a CAPABILITY\r\n"),
    SAY("* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN\r\na OK Pre-login "
        "capabilities listed, post-login capabilities have more.\r\n"),
    EXPECT("b ID NIL\r\n"),
    SAY("* ID (\"name\" \"Dovecot\")\r\nb OK ID completed.\r\n"),
    EXPECT("z LOGOUT\r\n"),
    SAY("* BYE Logging out\r\nz OK Logout completed.\r\n")};

static const struct talk_turn dovecot_clear[] = {
    SAY("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot (Debian) "
        "ready.\r\n"),
    EXPECT("a CAPABILITY\r\n"),
    SAY("* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN\r\na OK Pre-login "
        "capabilities listed, post-login capabilities have more.\r\n"),
    EXPECT("b ID NIL\r\n"),
    SAY("* ID (\"name\" \"Dovecot\")\r\nb OK ID completed.\r\n"),
    EXPECT("z LOGOUT\r\n"),
    SAY("* BYE Logging out\r\nz OK Logout completed.\r\n")};

/* Nobody has to log in (RFC 9051, section 7.1.4); the identity has a version (RFC 2971, section 3.3). */
static const struct talk_turn preauth[] = {SAY("* PREAUTH mail.example.org ready\r\n"),
                                           EXPECT("a CAPABILITY\r\n"),
                                           SAY("* CAPABILITY IMAP4rev2 ID STARTTLS\r\na OK\r\n"),
                                           EXPECT("b ID NIL\r\n"),
                                           SAY("* ID (\"name\" \"Cy\\\"rus\" \"version\" \"3.6.1\" \"os\" \"Linux\" "
                                               "\"support-url\" NIL \"x\" \"\")\r\nb OK\r\n"),
                                           EXPECT("c STARTTLS\r\n"),
                                           SAY("c BAD not now\r\n"),
                                           EXPECT("z LOGOUT\r\n"),
                                           {TALK_END, {NULL, 0}}};

/* It will not serve us (RFC 9051, section 7.1.5). */
static const struct talk_turn bye[] = {SAY("* BYE [UNAVAILABLE] overloaded\r\n")};

/* It falls silent. */
static const struct talk_turn mute[] = {SAY("* OK ready\r\n"), EXPECT("a CAPABILITY\r\n"), {TALK_LATE, {NULL, 0}}};

static const struct talk_turn tls_fails[] = {
    SAY("* OK [CAPABILITY IMAP4rev1] x\r\n"),
    EXPECT("a CAPABILITY\r\n"),
    SAY("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGINDISABLED\r\na OK\r\n"),
    EXPECT("c STARTTLS\r\n"),
    SAY("c OK\r\n"),
    {TALK_UNSECURE, {NULL, 0}}};

static const struct talk_turn foreign[] = {SAY("* what\r\n")};

static const struct exchange exchanges[] = {
    {.protocol = "imap",
     .port = 143,
     TURNS(dovecot),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=false\n"
              "product=Dovecot\n"
              "starttls=true\n"
              "tls.required=true\n"},
    {.protocol = "imap",
     .port = 993,
     .secured = true,
     TURNS(dovecot_inside),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=false\n"
              "product=Dovecot\n"},
    {.protocol = "imap",
     .port = 143,
     TURNS(dovecot_clear),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=true\n"
              "product=Dovecot\n"
              "starttls=false\n"},
    {.protocol = "imap",
     .port = 143,
     TURNS(preauth),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "banner=mail.example.org ready\n"
              "cleartext=true\n"
              "door=greeting PREAUTH\n"
              "hostname=mail.example.org\n"
              "os=Linux\n"
              "product=Cy\\\"rus\n"
              "starttls=false\n"
              "version=3.6.1\n"},
    {.protocol = "imap", .port = 143, TURNS(bye), .next = DIALOGUE_DONE, .facts = "banner=overloaded\n"},
    {.protocol = "imap",
     .port = 143,
     TURNS(mute),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=ready\n"},
    {.protocol = "imap",
     .port = 143,
     TURNS(tls_fails),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=PLAIN\n"
              "banner=x\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "imap", .port = 143, .foreign = true, TURNS(foreign), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* OK x")), PROTOCOL_YES);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* ok x")), PROTOCOL_YES);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* PREAUTH [")), PROTOCOL_YES);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* BYE ")), PROTOCOL_YES);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("*")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* O")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* PREAUT")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* NO")), PROTOCOL_NO);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("+OK x")), PROTOCOL_NO);
    assert_int_equal(protocol_find("imap")->recognise(SPAN_OF("* OKAY")), PROTOCOL_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
