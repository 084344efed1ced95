/* POP3: a server that was recorded, and what RFC 1939, RFC 2449 and RFC 2595 allow. */
#include "tests/unit/scanner/service/exchange.h"

/* Dovecot 2.3.19, recorded: insisting on TLS, and inside TLS. */
static const struct talk_turn dovecot[] = {
    SAY("+OK Dovecot (Debian) ready.\r\n"),
    EXPECT("CAPA\r\n"),
    SAY("+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nSTLS\r\nSASL\r\n.\r\n"),
    EXPECT("STLS\r\n"),
    SAY("+OK Begin TLS negotiation now.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("CAPA\r\n"),
    SAY("+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("+OK Logging out\r\n")};

static const struct talk_turn dovecot_inside[] = {
    SAY("+OK Dovecot (Debian) ready.\r\n"), EXPECT("CAPA\r\n"),
    SAY("+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n"),
    EXPECT("QUIT\r\n"), SAY("+OK Logging out\r\n")};

static const struct talk_turn dovecot_clear[] = {
    SAY("+OK Dovecot (Debian) ready.\r\n"), EXPECT("CAPA\r\n"),
    SAY("+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nUSER\r\nSASL PLAIN\r\n.\r\n"),
    EXPECT("QUIT\r\n"), SAY("+OK Logging out\r\n")};

/* APOP by its stamp (RFC 1939, section 7), a name (RFC 2449, section 6.9), no USER. */
static const struct talk_turn apop[] = {
    SAY("+OK mail.example.org POP3 ready <1896.697170952@mail.example.org>\r\n"),
    EXPECT("CAPA\r\n"),
    SAY("+OK list follows\r\nSTLS\r\nIMPLEMENTATION Cyrus POP3 server v3.6\r\n.\r\n"),
    EXPECT("STLS\r\n"),
    SAY("-ERR not today\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("+OK\r\n")};

/* CAPA is not known. */
static const struct talk_turn old[] = {
    SAY("+OK ready\r\n"), EXPECT("CAPA\r\n"), SAY("-ERR unknown\r\n"), EXPECT("QUIT\r\n"), {TALK_RESET, {NULL, 0}}};

static const struct talk_turn tls_fails[] = {
    SAY("+OK ready\r\n"), EXPECT("CAPA\r\n"), SAY("+OK\r\nUSER\r\nSTLS\r\n.\r\n"),
    EXPECT("STLS\r\n"),   SAY("+OK\r\n"),     {TALK_UNSECURE, {NULL, 0}}};

static const struct talk_turn nonsense[] = {SAY("+OK ready\r\n"), EXPECT("CAPA\r\n"), SAY("HTTP/1.1 400\r\n")};

static const struct talk_turn foreign[] = {SAY("-ERR unknown command\r\n")};

static const struct exchange exchanges[] = {
    {.protocol = "pop3",
     .port = 110,
     TURNS(dovecot),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=USER PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=false\n"
              "starttls=true\n"
              "tls.required=true\n"},
    {.protocol = "pop3",
     .port = 995,
     .secured = true,
     TURNS(dovecot_inside),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=USER PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=false\n"},
    {.protocol = "pop3",
     .port = 110,
     TURNS(dovecot_clear),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=USER PLAIN\n"
              "banner=Dovecot (Debian) ready.\n"
              "cleartext=true\n"
              "starttls=false\n"},
    {.protocol = "pop3",
     .port = 110,
     TURNS(apop),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=mail.example.org POP3 ready\n"
              "cleartext=true\n"
              "hostname=mail.example.org\n"
              "product=Cyrus POP3 server v3.6\n"
              "starttls=false\n"},
    {.protocol = "pop3",
     .port = 110,
     TURNS(old),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=ready\n"
              "cleartext=true\n"
              "starttls=false\n"},
    {.protocol = "pop3",
     .port = 110,
     TURNS(tls_fails),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "auth.methods=USER\n"
              "banner=ready\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "pop3",
     .port = 110,
     TURNS(nonsense),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=ready\n"},
    {.protocol = "pop3", .port = 110, .foreign = true, TURNS(foreign), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("+OK x")), PROTOCOL_YES);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("+")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("+OK")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("+OK\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("-ERR x")), PROTOCOL_NO);
    assert_int_equal(protocol_find("pop3")->recognise(SPAN_OF("+PONG")), PROTOCOL_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
