/* FTP: servers that were recorded, and what RFC 959 and its kin allow. */
#include "scanner/service/lines.h"
#include "tests/unit/scanner/service/exchange.h"

/* Recorded: vsftpd 3.0.3 with an anonymous user, unasked for the door, insisting on a user, and without TLS. */
static const struct talk_turn vsftpd[] = {SAY("220 (vsFTPd 3.0.3)\r\n"),
                                          EXPECT("FEAT\r\n"),
                                          SAY("211-Features:\r\n AUTH TLS\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n "
                                              "PBSZ\r\n PROT\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n211 End\r\n"),
                                          EXPECT("USER anonymous\r\n"),
                                          SAY("331 Please specify the password.\r\n"),
                                          EXPECT("PASS leastport@leastport.invalid\r\n"),
                                          SAY("230 Login successful.\r\n"),
                                          EXPECT("QUIT\r\n"),
                                          SAY("221 Goodbye.\r\n"),
                                          {TALK_AGAIN, {NULL, 0}},
                                          SAY("220 (vsFTPd 3.0.3)\r\n"),
                                          EXPECT("AUTH TLS\r\n"),
                                          SAY("234 Proceed with negotiation.\r\n"),
                                          {TALK_SECURE, {NULL, 0}},
                                          EXPECT("QUIT\r\n"),
                                          SAY("221 Goodbye.\r\n")};

static const struct talk_turn vsftpd_no_door[] = {
    SAY("220 (vsFTPd 3.0.3)\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Features:\r\n AUTH TLS\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n PBSZ\r\n PROT\r\n REST STREAM\r\n SIZE\r\n "
        "TVFS\r\n211 End\r\n"),
    EXPECT("AUTH TLS\r\n"),
    SAY("234 Proceed with negotiation.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("QUIT\r\n"),
    SAY("221 Goodbye.\r\n")};

static const struct talk_turn vsftpd_users[] = {
    SAY("220 (vsFTPd 3.0.3)\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Features:\r\n AUTH TLS\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n PBSZ\r\n PROT\r\n REST STREAM\r\n SIZE\r\n "
        "TVFS\r\n211 End\r\n"),
    EXPECT("USER anonymous\r\n"),
    SAY("331 Please specify the password.\r\n"),
    EXPECT("PASS leastport@leastport.invalid\r\n"),
    SAY("530 Login incorrect.\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 Goodbye.\r\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("220 (vsFTPd 3.0.3)\r\n"),
    EXPECT("AUTH TLS\r\n"),
    SAY("234 Proceed with negotiation.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("QUIT\r\n"),
    SAY("221 Goodbye.\r\n")};

static const struct talk_turn vsftpd_clear[] = {
    SAY("220 (vsFTPd 3.0.3)\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Features:\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n211 End\r\n"),
    EXPECT("USER anonymous\r\n"),
    SAY("331 Please specify the password.\r\n"),
    EXPECT("PASS leastport@leastport.invalid\r\n"),
    SAY("530 Login incorrect.\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 Goodbye.\r\n")};

/* ProFTPD 1.3.8. */
static const struct talk_turn proftpd[] = {
    SAY("220 ProFTPD Server (Debian) [10.9.0.1]\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Features:\r\n CLNT\r\n CSID\r\n EPRT\r\n EPSV\r\n HOST\r\n LANG C.UTF-8*\r\n MDTM\r\n MFF "
        "modify;UNIX.group;UNIX.mode;\r\n MFMT\r\n MLST "
        "modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.groupname*;UNIX.mode*;UNIX.owner*;UNIX.ownername*;\r\n "
        "RANG STREAM\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n UTF8\r\n211 End\r\n"),
    EXPECT("USER anonymous\r\n"),
    SAY("331 Password required for anonymous\r\n"),
    EXPECT("PASS leastport@leastport.invalid\r\n"),
    SAY("530 Login incorrect.\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221 Goodbye.\r\n")};

/* Pure-FTPd 1.0.50, which takes six seconds to refuse, and which insists on TLS. */
static const struct talk_turn pure_ftpd[] = {
    SAY("220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 "
        "allowed.\r\n220-Local time is now 18:16. Server port: 2104.\r\n220-This is a private system - No anonymous "
        "login\r\n220-IPv6 connections are also welcome on this server.\r\n220 You will be disconnected after 15 "
        "minutes of inactivity.\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Extensions supported:\r\n UTF8\r\n EPRT\r\n IDLE\r\n MDTM\r\n SIZE\r\n MFMT\r\n REST STREAM\r\n MLST "
        "type*;size*;sizd*;modify*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;\r\n MLSD\r\n PRET\r\n AUTH TLS\r\n PBSZ\r\n "
        "PROT\r\n TVFS\r\n ESTA\r\n PASV\r\n EPSV\r\n ESTP\r\n211 End.\r\n"),
    EXPECT("USER anonymous\r\n"),
    SAY("331 User anonymous OK. Password required\r\n"),
    EXPECT("PASS leastport@leastport.invalid\r\n"),
    SAY("530 Login authentication failed\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 "
        "allowed.\r\n220-Local time is now 18:16. Server port: 2104.\r\n220-This is a private system - No anonymous "
        "login\r\n220-IPv6 connections are also welcome on this server.\r\n220 You will be disconnected after 15 "
        "minutes of inactivity.\r\n"),
    EXPECT("AUTH TLS\r\n"),
    SAY("234 AUTH TLS OK.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("QUIT\r\n"),
    SAY("221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n")};

static const struct talk_turn pure_ftpd_insists[] = {
    SAY("220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 "
        "allowed.\r\n220-Local time is now 18:15. Server port: 2105.\r\n220-IPv6 connections are also welcome on this "
        "server.\r\n220 You will be disconnected after 15 minutes of inactivity.\r\n"),
    EXPECT("FEAT\r\n"),
    SAY("211-Extensions supported:\r\n UTF8\r\n EPRT\r\n IDLE\r\n MDTM\r\n SIZE\r\n MFMT\r\n REST STREAM\r\n MLST "
        "type*;size*;sizd*;modify*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;\r\n MLSD\r\n PRET\r\n AUTH TLS\r\n PBSZ\r\n "
        "PROT\r\n TVFS\r\n ESTA\r\n PASV\r\n EPSV\r\n ESTP\r\n211 End.\r\n"),
    EXPECT("USER anonymous\r\n"),
    SAY("421-Sorry, cleartext sessions and weak ciphers are not accepted on this server.\r\n421 Please reconnect using "
        "TLS security mechanisms.\r\n"),
    EXPECT("QUIT\r\n"),
    SAY("221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n"),
    {TALK_AGAIN, {NULL, 0}},
    SAY("220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 "
        "allowed.\r\n220-Local time is now 18:15. Server port: 2105.\r\n220-IPv6 connections are also welcome on this "
        "server.\r\n220 You will be disconnected after 15 minutes of inactivity.\r\n"),
    EXPECT("AUTH TLS\r\n"),
    SAY("234 AUTH TLS OK.\r\n"),
    {TALK_SECURE, {NULL, 0}},
    EXPECT("QUIT\r\n"),
    SAY("221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n")};

/* GNU inetutils 2.4: no FEAT before a login, no AUTH. */
static const struct talk_turn inetutils[] = {SAY("220 lab FTP server (GNU inetutils 2.4) ready.\r\n"),
                                             EXPECT("FEAT\r\n"),
                                             SAY("530 Please login with USER and PASS.\r\n"),
                                             EXPECT("USER anonymous\r\n"),
                                             SAY("331 Guest login ok, type your name as password.\r\n"),
                                             EXPECT("PASS leastport@leastport.invalid\r\n"),
                                             SAY("230 Guest login ok, access restrictions apply.\r\n"),
                                             EXPECT("QUIT\r\n"),
                                             SAY("221 Goodbye.\r\n"),
                                             {TALK_AGAIN, {NULL, 0}},
                                             SAY("220 lab FTP server (GNU inetutils 2.4) ready.\r\n"),
                                             EXPECT("AUTH TLS\r\n"),
                                             SAY("502 AUTH command not implemented.\r\n"),
                                             EXPECT("QUIT\r\n"),
                                             SAY("221 Goodbye.\r\n")};

/* The greeting names nothing; SYST tells (RFC 959, section 4.1.3). A host that wants an account lets nobody in. */
static const struct talk_turn unnamed[] = {
    SAY("220 hello\r\n"),    EXPECT("FEAT\r\n"),           SAY("502 no\r\n"),
    EXPECT("SYST\r\n"),      SAY("215 UNIX Type: L8\r\n"), EXPECT("USER anonymous\r\n"),
    SAY("332 account?\r\n"), EXPECT("QUIT\r\n"),           SAY("221 bye\r\n"),
    {TALK_AGAIN, {NULL, 0}}, SAY("220 hello\r\n"),         EXPECT("AUTH TLS\r\n"),
    SAY("500 no\r\n"),       EXPECT("QUIT\r\n"),           SAY("221 bye\r\n")};

/* It greets twice (RFC 959, section 5.4), lets the anonymous user in without a password, and offers no TLS. */
static const struct talk_turn soon[] = {SAY("120 FTP in 1 minute\r\n220 ftp.example.org FTP\r\n"),
                                        EXPECT("FEAT\r\n"),
                                        SAY("211-x\r\n UTF8\r\n211 end\r\n"),
                                        EXPECT("USER anonymous\r\n"),
                                        SAY("230 in\r\n"),
                                        EXPECT("QUIT\r\n"),
                                        {TALK_END, {NULL, 0}}};

/* Words that ask for TLS, and its refusal for policy (RFC 2228, section 5.1). */
static const struct talk_turn insists[] = {SAY("220 FTP\r\n"),
                                           EXPECT("FEAT\r\n"),
                                           SAY("211-x\r\n AUTH SSL;TLS;\r\n211 end\r\n"),
                                           EXPECT("USER anonymous\r\n"),
                                           SAY("331 go on\r\n"),
                                           EXPECT("PASS leastport@leastport.invalid\r\n"),
                                           SAY("534 Policy requires it\r\n"),
                                           EXPECT("QUIT\r\n"),
                                           SAY("221 bye\r\n"),
                                           {TALK_AGAIN, {NULL, 0}},
                                           SAY("220 FTP\r\n"),
                                           EXPECT("AUTH TLS\r\n"),
                                           SAY("431 no certificate\r\n"),
                                           EXPECT("QUIT\r\n"),
                                           SAY("221 bye\r\n")};

/* It never answers the password, and then TLS fails. */
static const struct talk_turn slow[] = {
    SAY("220 FTP\r\n"),           EXPECT("FEAT\r\n"),      SAY("211-x\r\n AUTH TLS\r\n211 end\r\n"),
    EXPECT("USER anonymous\r\n"), SAY("331 go on\r\n"),    EXPECT("PASS leastport@leastport.invalid\r\n"),
    {TALK_LATE, {NULL, 0}},       {TALK_AGAIN, {NULL, 0}}, SAY("220 FTP\r\n"),
    EXPECT("AUTH TLS\r\n"),       SAY("234 go\r\n"),       {TALK_UNSECURE, {NULL, 0}}};

/* Inside TLS from the start. */
static const struct talk_turn inside[] = {SAY("220 FTP\r\n"),
                                          EXPECT("FEAT\r\n"),
                                          SAY("211-x\r\n AUTH TLS\r\n211 end\r\n"),
                                          EXPECT("USER anonymous\r\n"),
                                          SAY("530 no\r\n"),
                                          EXPECT("QUIT\r\n"),
                                          SAY("221 bye\r\n")};

/* It has no room for us. */
static const struct talk_turn full[] = {SAY("421 FTP is full\r\n")};

/* What greets so and is none. */
static const struct talk_turn not_ftp[] = {SAY("220 hello\r\n"), EXPECT("FEAT\r\n"), SAY("500 what\r\n"),
                                           EXPECT("SYST\r\n"), SAY("500 what\r\n")};

static const struct talk_turn mail[] = {SAY("220 mx ESMTP\r\n")};

static const struct exchange exchanges[] = {
    {.protocol = "ftp",
     .port = 21,
     TURNS(vsftpd),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "banner=(vsFTPd 3.0.3)\n"
              "cleartext=true\n"
              "door=USER anonymous\n"
              "starttls=true\n"},
    {.protocol = "ftp",
     .port = 21,
     .no_doors = true,
     TURNS(vsftpd_no_door),
     .next = DIALOGUE_DONE,
     .facts = "banner=(vsFTPd 3.0.3)\n"
              "starttls=true\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(vsftpd_users),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=(vsFTPd 3.0.3)\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(vsftpd_clear),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=(vsFTPd 3.0.3)\n"
              "cleartext=true\n"
              "starttls=false\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(proftpd),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=ProFTPD Server (Debian) [10.9.0.1]\n"
              "cleartext=true\n"
              "starttls=false\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(pure_ftpd),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=--------- Welcome to Pure-FTPd [privsep] [TLS] ----------\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(pure_ftpd_insists),
     .next = DIALOGUE_DONE,
     .facts = "banner=--------- Welcome to Pure-FTPd [privsep] [TLS] ----------\n"
              "cleartext=false\n"
              "starttls=true\n"
              "tls.required=true\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(inetutils),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "banner=lab FTP server (GNU inetutils 2.4) ready.\n"
              "cleartext=true\n"
              "door=USER anonymous\n"
              "hostname=lab\n"
              "starttls=false\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(unnamed),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=hello\n"
              "cleartext=true\n"
              "starttls=false\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(soon),
     .next = DIALOGUE_DONE,
     .facts = "auth=none\n"
              "banner=ftp.example.org FTP\n"
              "cleartext=true\n"
              "door=USER anonymous\n"
              "hostname=ftp.example.org\n"
              "starttls=false\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(insists),
     .next = DIALOGUE_DONE,
     .facts = "banner=FTP\n"
              "cleartext=false\n"
              "starttls=true\n"
              "tls.required=true\n"},
    {.protocol = "ftp",
     .port = 21,
     TURNS(slow),
     .next = DIALOGUE_DONE,
     .facts = "banner=FTP\n"
              "cleartext=true\n"
              "starttls=true\n"},
    {.protocol = "ftp",
     .port = 990,
     .secured = true,
     TURNS(inside),
     .next = DIALOGUE_DONE,
     .facts = "auth=required\n"
              "banner=FTP\n"
              "cleartext=false\n"},
    {.protocol = "ftp", .port = 21, TURNS(full), .next = DIALOGUE_DONE, .facts = "banner=FTP is full\n"},
    {.protocol = "ftp",
     .port = 21,
     .foreign = true,
     TURNS(not_ftp),
     .next = DIALOGUE_FOREIGN,
     .facts = "banner=hello\n"},
    {.protocol = "ftp", .port = 21, .foreign = true, TURNS(mail), .next = DIALOGUE_FOREIGN, .facts = ""},
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
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220 x\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220-FTP of")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("421 FTP\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("500 OOPS: vsftpd\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220-a\r\nb\r\n220 c\r\n")), PROTOCOL_YES);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("2")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220-x\r\n")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220-a\r\nb\r\n221 c\r\n")), PROTOCOL_MAYBE);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220 ESMTP\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("421 mail\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("230 FTP\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("999 FTP\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220_FTP\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("FTP")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("2\r\n")), PROTOCOL_NO);
    assert_int_equal(protocol_find("ftp")->recognise(SPAN_OF("220 \001")), PROTOCOL_NO);
}

static void an_endless_greeting_ends(void **state)
{
    static const struct dialogue_target target = {.host = "10.0.0.5", .port = 21};
    static char line[LINES_LINE_MAX + 2];
    const struct talk_turn endless_line[] = {SAY("220-FTP\r\n"), {TALK_SAY, {(const uint8_t *)line, sizeof(line)}}};
    struct talk talk;

    (void)state;
    memset(line, 'x', sizeof(line));
    talk_run(&talk, "ftp", &target, endless_line, 2, false);
    assert_int_equal(talk.next, DIALOGUE_FOREIGN);
    talk_done(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_bears_everything),
        cmocka_unit_test(is_recognised_by_its_first_bytes),
        cmocka_unit_test(an_endless_greeting_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
