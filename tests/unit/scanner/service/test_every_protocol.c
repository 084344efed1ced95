/* Every protocol of the table is found on a port that is known for none, in clear and inside TLS, whatever its server
 * does with the questions of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/service/inquiry.h"

/* What each says first, or answers to its own question: beginnings of what the protocols' own tests have. */
static const struct row {
    const char *name;
    struct span says;
} rows[] = {
    {"amqp",
     SPAN_AS("\001\000\000\000\000\001\360\000\012\000\012\000\011\000\000\001\313\014capabilitiesF\000\000\000\307\022"
             "publi"
             "sher_confirmst\001\032exchange_exchange_bindingst\001\012basic.nackt\001\026consumer_cancel_"
             "notifyt\001\022connection.blockedt\001\023consumer_prioritiest\001\034authentication_failure_"
             "closet\001\020per_consumer_qost\001\017direct_reply_tot\001\014cluster_nameS\000\000\000\011rabbit@"
             "vm\011copyrightS\000\000\0007Copyright (c) 2007-2022 VMware, Inc. or its "
             "affiliates.\013informationS\000\000\0009Licensed under the MPL 2.0. Website: "
             "https://rabbitmq.com\010platformS\000\000\000\021Erlang/OTP "
             "25.2.3\007productS\000\000\000\010RabbitMQ\007versionS\000\000\000\0063.10.8\000\000\000\016PLAIN "
             "AMQPLAIN\000\000\000\005en_US\316")},
    {"cassandra",
     SPAN_AS(
         "\204\000\000\000\006\000\000\000[\000\003\000\021PROTOCOL_VERSIONS\000\003\000\0043/v3\000\0044/v4\000\0045/"
         "v5\000\013COMPRESSION\000\002\000\006snappy\000\003lz4\000\013CQL_VERSION\000\001\000\0053.4.5")},
    {"dns", SPAN_AS("\000CLq\205\000\000\001\000\001\000\000\000\000\007version\004bind\000\000\020\000\003\300\014\000"
                    "\020\000\003"
                    "\000\000\000\000\000\031\0309.18.49-1~deb12u3-Debian")},
    {"ftp", SPAN_AS("220 (vsFTPd 3.0.3)\r\n")},
    {"imap",
     SPAN_AS(
         "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot "
         "(Debian) ready.\r\n")},
    {"kafka",
     SPAN_AS(
         "\000\000\000."
         "LPRT\000\000\000\000\000\006\000\000\000\000\000\011\000\001\000\000\000\017\000\002\000\000\000\010\000\003"
         "\000\000\000\014\000\021\000\000\000\001\000\022\000\000\000\003")},
    {"ldap",
     SPAN_AS(
         "0\202\001G\002\001\001d\202\001@\004\0000\202\001:0%"
         "\004\013objectClass1\026\004\003top\004\017OpenLDAProotDSE0\201\215\004\022supportedExtension1w\004\0261.3.6."
         "1.4.1.1466.20037\004\0271.3.6.1.4.1.4203.1.11.1\004\0271.3.6.1.4.1.4203.1.11.3\004\0131.3.6.1.1.8\004\0161.3."
         "6.1.1.21.3\004\0161.3.6.1.1.21.10\201\200\004\027supportedSASLMechanisms1e\004\015SCRAM-SHA-512\004\015SCRAM-"
         "SHA-384\004\015SCRAM-SHA-256\004\015SCRAM-SHA-224\004\013SCRAM-SHA-1\004\012DIGEST-MD5\004\010CRAM-"
         "MD5\004\004NTLM")},
    {"memcached", SPAN_AS("VERSION 1.6.18\r\n")},
    {"mongodb",
     SPAN_AS(
         "\250\000\000\000M\000\000\000pL\000\000\001\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\000"
         "\000\000\000\001\000\000\000\204\000\000\000\010ismaster\000\001\002me\000\016\000\000\000db1.lab:"
         "27017\000\011localTime\000\000h\345\317\213\001\000\000\020maxBsonObjectSize\000\000\000\000\001\020minWireVe"
         "r"
         "sion\000\000\000\000\000\020maxWireVersion\000\021\000\000\000\001ok\000\000\000\000\000\000\000\360\077"
         "\000")},
    {"mqtt", SPAN_AS(" \002\000\000")},
    {"mssql",
     SPAN_AS("\004\001\000+\000\000\001\000\000\000\032\000\006\001\000 "
             "\000\001\002\000!\000\001\003\000\042\000\000\004\000\042\000\001\377\020\000\020'\000\000\000\000\000")},
    {"mysql",
     SPAN_AS(
         "d\000\000\000\0125.5.5-10.11.19-MariaDB-0+deb12u1\000o\000\000\000!p8abH!"
         "h\000\376\377\010\002\000\377\201\025\000\000\000\000\000\000\035\000\000\000le7#Es3D<>d^\000mysql_native_"
         "password\000")},
    {"nfs",
     SPAN_AS(
         "\200\000\000 "
         "LpNF\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\002\000\000\000\003\000\000"
         "\000\004")},
    {"oracle",
     SPAN_AS(
         "\000I\000\000\004\000\000\000\042\000\000=(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0)(ALIAS=LISTENER))")},
    {"pop3", SPAN_AS("+OK Dovecot (Debian) ready.\r\n")},
    {"portmap",
     SPAN_AS("\200\000\000\030LpPM\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000")},
    {"rdp", SPAN_AS("\003\000\000\023\016\320\000\000\0224\000\002\001\010\000\000\000\000\000")},
    {"redis",
     SPAN_AS(
         "$571\r\n# "
         "Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:"
         "ae4d7c971a948f0\r\nredis_mode:standalone\r\nos:Linux 6.12.43-1-amd64 "
         "x86_64\r\narch_bits:64\r\nmonotonic_clock:POSIX "
         "clock_gettime\r\nmultiplexing_api:epoll\r\natomicvar_api:c11-builtin\r\ngcc_version:12.2.0\r\nprocess_id:"
         "86\r\nprocess_supervised:no\r\nrun_id:bd7f2992e6cdb8c372a3b9c2b43f7cf60c43572a\r\ntcp_port:6379\r\nserver_"
         "time_usec:1795371186557671\r\nuptime_in_seconds:46\r\nuptime_in_days:0\r\nhz:10\r\nconfigured_hz:10\r\nlru_"
         "clock:209074\r\nexecutable:/tmp/redis-server\r\nconfig_file:\r\nio_threads_active:0\r\n\r\n")},
    {"rsync", SPAN_AS("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4\nWelcome to the archive\n\n\n")},
    {"smb",
     SPAN_AS(
         "\000\000\000\376\376SMB@"
         "\000\000\000\000\000\000\000\000\000\001\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
         "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
         "\000\000\000\000\000A\000\001\000\021\003\001\000vm\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
         "\007\000\000\000\000\000\200\000\000\000\200\000\000\000\200\000\310\362\375C\256z\335\001\000\000\000\000"
         "\000"
         "\000\000\000\200\000J\000\320\000\000\000`H\006\006+\006\001\005\005\002\240>0<\240\0160\014\006\012+"
         "\006\001\004\001\2027\002\002\012\243*0(\240&\033$not_defined_in_RFC4178@please_"
         "ignore\000\000\000\000\000\000\001\000&\000\000\000\000\000\001\000 "
         "\000\001\000\177\177\240\337\000\317\300v\273\323\277\377."
         "D\326\360\344\320DP\302\322F\357\346\224\364\231\346\030k\211")},
    {"smtp", SPAN_AS("220 mail.lab.example ESMTP Postfix\r\n")},
    {"ssh", SPAN_AS("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")},
    {"telnet", SPAN_AS("\377\373%\377\373&\377\375\030\377\375 \377\375#\377\375'\377\375$")},
    {"vnc", SPAN_AS("RFB 003.008\n")},
    {"zookeeper",
     SPAN_AS("Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\nLatency min/avg/max: "
             "0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: "
             "5\n")},
    {"http", SPAN_AS("HTTP/1.1 204 No Content\r\n\r\n")},
    {"postgresql", SPAN_AS("E\0\0\0\x31SFATAL\0C28000\0Mno entry\0RClientAuthentication\0\0")},
    {"x11", SPAN_AS("\0\4\013\0\0\0\1\0none")},
};

enum { STRANGE_PORT = 47001, TURNS_MAX = 20000 };

enum foreign { SAYS_NOTHING, CLOSES };

struct server {
    const struct protocol *protocol;
    struct span says;
    bool tls;
    enum foreign foreign;
};

static struct mono_time now;

/* Whether it is the first question of this server's protocol. */
static bool is_own_question(const struct server *server, const struct dialogue_target *target, bool secured,
                            struct span question)
{
    static struct dialogue dialogue;
    static struct facts facts;
    static struct evidence evidence;

    dialogue_init(&dialogue, target, &facts, &evidence);
    dialogue.secured = secured;
    if (server->protocol->ask == NULL) {
        return false;
    }
    server->protocol->ask(&dialogue);
    return span_equal((struct span){dialogue.out, dialogue.out_size}, question);
}

static void pass_time(struct inquiry *inquiry)
{
    struct mono_time due = inquiry_deadline(inquiry);

    now = due.ns > now.ns ? due : now;
    assert_int_equal(inquiry_late(inquiry, now, false), 0);
}

static void say(struct inquiry *inquiry, struct span bytes)
{
    assert_int_equal(inquiry_arrived(inquiry, now, bytes), 0);
}

static void secure(struct inquiry *inquiry, const struct inquiry_wish *wish)
{
    struct facts none = {0};
    struct inquiry_tls tls = {.version = wish->highest, .facts = &none};

    assert_int_equal(inquiry_secured(inquiry, now, &tls), 0);
}

static void open_connection(struct inquiry *inquiry, const struct server *server, const struct inquiry_wish *wish)
{
    if (wish->keep) {
        inquiry_unkept(inquiry);
    }
    inquiry_begun(inquiry, now);
    inquiry_connected(inquiry, now);
    if (wish->secured && !server->tls) {
        assert_int_equal(inquiry_ended(inquiry, now, false), 0);
        return;
    }
    if (wish->secured) {
        secure(inquiry, wish);
    }
    if (server->protocol->greets && wish->secured == server->tls && inquiry_wish(inquiry).next == INQUIRY_TALK) {
        say(inquiry, server->says);
    }
}

/* True when it was its own question, or another was met by an end. */
static bool answer(struct inquiry *inquiry, const struct server *server, const struct dialogue_target *target,
                   bool secured)
{
    struct span question = inquiry_outgoing(inquiry);
    bool own = secured == server->tls && is_own_question(server, target, secured, question);

    if (question.size == 0) {
        return false;
    }
    inquiry_sent(inquiry, now, question.size);
    if (inquiry_wish(inquiry).next != INQUIRY_TALK) {
        return true;
    }
    if (own) {
        say(inquiry, server->says);
    } else if (server->foreign == CLOSES) {
        assert_int_equal(inquiry_ended(inquiry, now, false), 0);
    }
    return own || server->foreign == CLOSES;
}

static void check(const struct server *server)
{
    const struct inquiry_options options = {.target = {.host = "10.0.0.5", .port = STRANGE_PORT, .doors = true}};
    struct inquiry *inquiry = inquiry_create(&options);
    const char *found;

    assert_non_null(inquiry);
    for (uint32_t turn = 0; inquiry_wish(inquiry).next != INQUIRY_OVER; turn++) {
        struct inquiry_wish wish = inquiry_wish(inquiry);
        assert_in_range(turn, 0, TURNS_MAX);
        if (wish.next == INQUIRY_OPEN) {
            open_connection(inquiry, server, &wish);
        } else if (wish.next == INQUIRY_SECURE) {
            assert_int_equal(inquiry_unsecured(inquiry, now, &(struct inquiry_refusal){0}), 0);
        } else if (wish.next != INQUIRY_TALK || !answer(inquiry, server, &options.target, wish.secured)) {
            pass_time(inquiry);
        }
    }
    found = facts_text(&inquiry_identity(inquiry)->facts, "service");
    if (found == NULL || strcmp(found, server->protocol->name) != 0) {
        fail_msg("%s, %s, %s: %s", server->protocol->name, server->tls ? "inside TLS" : "in clear",
                 server->foreign == CLOSES ? "closes" : "says nothing", found != NULL ? found : "nothing");
    }
    assert_int_equal(facts_truth(&inquiry_identity(inquiry)->facts, "tls", !server->tls), server->tls);
    inquiry_destroy(inquiry);
}

static const struct row *row_of(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static void finds_each(void **state)
{
    size_t count;
    const struct protocol *const *table = protocols(&count);

    (void)state;
    assert_int_equal(count, sizeof(rows) / sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        const struct row *row = row_of(table[i]->name);
        struct server server = {.protocol = table[i]};
        if (row == NULL) {
            fail_msg("%s is in the table and not tried here", table[i]->name);
            return;
        }
        server.says = row->says;
        for (int variant = 0; variant < 4; variant++) {
            server.tls = (variant & 1) != 0;
            server.foreign = (variant & 2) != 0 ? CLOSES : SAYS_NOTHING;
            check(&server);
        }
    }
}

/* Whoever asks nothing must be one who greets, and whoever is asked has a rank: nobody is for his own port only. */
static void nobody_is_left_out(void **state)
{
    size_t count;
    const struct protocol *const *table = protocols(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(table[i]->greets || (table[i]->ask != NULL && table[i]->rank > 0));
    }
}

/* On a port that nobody knows a server that never speaks is left soon. */
static void leaves_who_never_speaks(void **state)
{
    const struct inquiry_options options = {.target = {.host = "10.0.0.5", .port = STRANGE_PORT, .doors = true}};
    struct inquiry *inquiry = inquiry_create(&options);
    uint64_t began_ns = now.ns;
    bool kept = false;

    (void)state;
    assert_non_null(inquiry);
    while (inquiry_wish(inquiry).next != INQUIRY_OVER) {
        struct inquiry_wish wish = inquiry_wish(inquiry);
        if (wish.next == INQUIRY_OPEN) {
            kept |= wish.keep;
            inquiry_begun(inquiry, now);
            inquiry_connected(inquiry, now);
        } else if (wish.next == INQUIRY_RETURN) {
            inquiry_returned(inquiry, now);
        }
        if (inquiry_outgoing(inquiry).size > 0) {
            inquiry_sent(inquiry, now, inquiry_outgoing(inquiry).size);
        }
        pass_time(inquiry);
    }
    assert_true(kept);
    assert_string_equal(facts_text(&inquiry_identity(inquiry)->facts, "behaviour"), "silent");
    assert_in_range((now.ns - began_ns) / 1000000, INQUIRY_KEPT_MS, 15000);
    inquiry_destroy(inquiry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each),
        cmocka_unit_test(nobody_is_left_out),
        cmocka_unit_test(leaves_who_never_speaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
