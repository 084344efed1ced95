#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scanner/raw/privilege.h"
#include "tests/unit/scanner/service/tls_server.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tls_context *context;
static struct issued rsa;
static struct issued ecdsa;
static struct issued ed25519;

static const char *const old_servers[TLS_VERSIONS] = {
    "NONE:+VERS-TLS1.0:+RSA:+3DES-CBC:+SHA1:+COMP-NULL:+CTYPE-X509:+SIGN-ALL",
    "NONE:+VERS-TLS1.1:+DHE-RSA:+AES-128-CBC:+SHA1:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL",
    "NONE:+VERS-TLS1.2:+RSA:+ARCFOUR-128:+MD5:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:%VERIFY_ALLOW_BROKEN",
    "NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-SECP521R1",
};

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    authority_issue(&rsa, &(struct wish){.key = GNUTLS_PK_RSA, .bits = 2048, .common_name = "rsa.example"});
    authority_issue(&ecdsa, &(struct wish){.key = GNUTLS_PK_ECDSA, .bits = 256, .common_name = "ec.example"});
    authority_issue(&ed25519, &(struct wish){.common_name = "ed.example"});
    return tls_context_create(&context, &problem);
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_destroy(context);
    authority_free(&rsa);
    authority_free(&ecdsa);
    authority_free(&ed25519);
    return 0;
}

static struct tls *client(enum tls_version lowest, enum tls_version highest)
{
    struct tls *tls;

    assert_int_equal(
        tls_create(context, &(struct tls_options){.name = "rsa.example", .lowest = lowest, .highest = highest}, &tls),
        0);
    return tls;
}

static void talks(struct tls_server *server, struct tls *tls)
{
    char bytes[16];

    assert_int_equal(tls_write(tls, SPAN_OF("question")), 0);
    (void)tls_server_carry(server, tls, SIZE_MAX);
    assert_int_equal(gnutls_record_recv(server->session, bytes, sizeof(bytes)), 8);
    assert_memory_equal(bytes, "question", 8);
    assert_int_equal(gnutls_record_send(server->session, "answer", 6), 6);
    (void)tls_server_carry(server, tls, SIZE_MAX);
    assert_int_equal(tls_read(tls, (uint8_t *)bytes, sizeof(bytes)), 6);
    assert_memory_equal(bytes, "answer", 6);
    assert_int_equal(tls_read(tls, (uint8_t *)bytes, sizeof(bytes)), 0);
    assert_int_equal(gnutls_bye(server->session, GNUTLS_SHUT_WR), 0);
    (void)tls_server_carry(server, tls, SIZE_MAX);
    assert_int_equal(tls_read(tls, (uint8_t *)bytes, sizeof(bytes)), 0);
    assert_int_equal(tls_step(tls), TLS_ENDED);
}

/* A server that speaks only `spoken`, and so badly. */
static void check_version(enum tls_version spoken, enum tls_version lowest, enum tls_version highest, size_t at_once)
{
    struct tls_server server;
    struct tls *tls = client(lowest, highest);
    enum tls_version agreed;
    bool meets = spoken >= lowest && spoken <= highest;

    tls_server_init(&server, &(struct tls_server_options){.priorities = old_servers[spoken], .chain = {&rsa}});
    assert_false(tls_agreed(tls, &agreed));
    assert_int_equal(tls_server_shake(&server, tls, at_once), meets ? TLS_STANDS : TLS_FAILED);
    assert_int_equal(tls_agreed(tls, &agreed), meets);
    if (meets) {
        assert_int_equal(agreed, spoken);
        assert_null(tls_error(tls));
        assert_true(span_equal(tls_certificate(tls), issued_der(&rsa)));
        talks(&server, tls);
    } else {
        assert_non_null(tls_error(tls));
        assert_int_equal(tls_certificate(tls).size, 0);
    }
    tls_destroy(tls);
    tls_server_done(&server);
}

static void agrees_on_each_version(void **state)
{
    (void)state;
    for (enum tls_version spoken = TLS_1_0; spoken < TLS_VERSIONS; spoken++) {
        for (enum tls_version offered = TLS_1_0; offered < TLS_VERSIONS; offered++) {
            check_version(spoken, offered, offered, SIZE_MAX);
        }
        check_version(spoken, TLS_1_0, TLS_1_3, SIZE_MAX);
        check_version(spoken, TLS_1_0, TLS_1_3, 1);
    }
}

static void takes_every_kind_of_key(void **state)
{
    const struct issued *const kinds[] = {&rsa, &ecdsa, &ed25519};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
            struct tls_server server;
            struct tls *tls = client(version, version);
            tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {kinds[i]}});
            assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
            assert_true(span_equal(tls_certificate(tls), issued_der(kinds[i])));
            talks(&server, tls);
            tls_destroy(tls);
            tls_server_done(&server);
        }
    }
}

static void says_when_a_certificate_is_wanted(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
        struct tls_server server;
        struct tls *tls = client(version, version);
        uint8_t byte;
        enum tls_version agreed;
        tls_server_init(&server, &(struct tls_server_options){
                                     .priorities = "NORMAL", .chain = {&rsa}, .request = GNUTLS_CERT_REQUIRE});
        assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), version == TLS_1_3 ? TLS_STANDS : TLS_FAILED);
        assert_int_equal(tls_read(tls, &byte, 1), 0);
        assert_int_equal(tls_step(tls), TLS_FAILED);
        assert_true(tls_wants_certificate(tls));
        assert_true(tls_agreed(tls, &agreed));
        assert_int_equal(agreed, version);
        assert_true(span_equal(tls_certificate(tls), issued_der(&rsa)));
        tls_destroy(tls);
        tls_server_done(&server);
    }
}

/* The server's half of a session that stands. */
static struct tls *stands(struct tls_server *server, enum tls_version version)
{
    struct tls *tls = client(version, version);

    tls_server_init(server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&rsa}});
    assert_int_equal(tls_server_shake(server, tls, SIZE_MAX), TLS_STANDS);
    return tls;
}

static void end(struct tls_server *server, struct tls *tls)
{
    tls_destroy(tls);
    tls_server_done(server);
}

/* What the server has said goes over; returns how many bytes were inside. */
static size_t hear(struct tls_server *server, struct tls *tls)
{
    uint8_t bytes[4096];
    size_t whole = 0;

    while (server->to_client.at < server->to_client.size) {
        size_t size;
        (void)tls_server_carry(server, tls, SIZE_MAX);
        while ((size = tls_read(tls, bytes, sizeof(bytes))) > 0) {
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(bytes[i], (uint8_t)(whole + i));
            }
            whole += size;
        }
    }
    return whole;
}

static void say(struct tls_server *server, size_t size)
{
    uint8_t bytes[16384];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(gnutls_record_send(server->session, bytes, size), size);
}

static void reads_the_largest_records(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
        struct tls_server server;
        struct tls *tls = stands(&server, version);
        for (int i = 0; i < 64; i++) {
            say(&server, 16384);
            assert_int_equal(hear(&server, tls), 16384);
        }
        end(&server, tls);
    }
}

static void an_end_without_goodbye_is_seen_behind_what_was_said(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
        struct tls_server server;
        struct tls *tls = stands(&server, version);
        uint8_t byte;
        say(&server, 100);
        (void)tls_server_carry(&server, tls, SIZE_MAX);
        tls_closed(tls);
        assert_int_equal(hear(&server, tls), 0);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(tls_read(tls, &byte, 1), 1);
            assert_int_equal(byte, i);
        }
        assert_int_equal(tls_read(tls, &byte, 1), 0);
        assert_int_equal(tls_step(tls), TLS_FAILED);
        assert_string_equal(tls_error(tls), "closed without a word");
        assert_false(tls_wants_certificate(tls));
        end(&server, tls);
    }
}

static void another_handshake_is_passed_over(void **state)
{
    struct tls_server server;
    struct tls *tls = stands(&server, TLS_1_2);

    (void)state;
    assert_int_equal(gnutls_rehandshake(server.session), 0);
    assert_int_equal(hear(&server, tls), 0);
    assert_int_equal(tls_step(tls), TLS_STANDS);
    say(&server, 10);
    assert_int_equal(hear(&server, tls), 10);
    assert_int_equal(tls_write(tls, SPAN_OF("question")), 0);
    end(&server, tls);
}

/* Whatever a server that has nothing to say sends for ever. */
static void check_flood(enum tls_version version, void (*drop)(struct tls_server *server))
{
    struct tls_server server;
    struct tls *tls = stands(&server, version);
    size_t bound = server.to_client.size + 524288;

    while (tls_step(tls) == TLS_STANDS && server.to_client.size < bound) {
        drop(&server);
        assert_int_equal(hear(&server, tls), 0);
    }
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_non_null(tls_error(tls));
    end(&server, tls);
}

static void warn(struct tls_server *server)
{
    assert_int_equal(gnutls_alert_send(server->session, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED), 0);
}

static void ask_for_keys(struct tls_server *server)
{
    assert_int_equal(gnutls_session_key_update(server->session, GNUTLS_KU_PEER), 0);
}

static void ask_again(struct tls_server *server)
{
    assert_int_equal(gnutls_rehandshake(server->session), 0);
}

static void a_flood_of_nothing_ends(void **state)
{
    (void)state;
    check_flood(TLS_1_2, warn);
    check_flood(TLS_1_3, warn);
    check_flood(TLS_1_3, ask_for_keys);
    check_flood(TLS_1_2, ask_again);
}

/* A session's ticket comes the same way. */
static void reads_on_behind_what_is_only_tls(void **state)
{
    struct tls_server server;
    struct tls *tls = stands(&server, TLS_1_3);

    (void)state;
    for (int i = 0; i < 3; i++) {
        ask_for_keys(&server);
    }
    say(&server, 10);
    assert_int_equal(hear(&server, tls), 10);
    end(&server, tls);
}

static void check_room(enum tls_version version, const char *priorities)
{
    static const uint8_t zeros[4096];
    const struct span most = {zeros, sizeof(zeros)};
    const struct span byte = {zeros, 1};
    struct tls_server server;
    struct tls *tls = client(version, version);
    uint8_t bytes[4096];
    int count = 0;

    tls_server_init(&server, &(struct tls_server_options){.priorities = priorities, .chain = {&rsa}});
    assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
    if (version == TLS_1_3) {
        ask_for_keys(&server);
        assert_int_equal(hear(&server, tls), 0);
    }
    assert_int_equal(tls_write(tls, most), 0);
    assert_int_equal(tls_write(tls, most), -EMSGSIZE);
    while (tls_write(tls, byte) == 0) {
        count++;
    }
    assert_true(count > 0);
    assert_int_equal(tls_write(tls, byte), -EMSGSIZE);
    assert_int_equal(tls_step(tls), TLS_STANDS);
    (void)tls_server_carry(&server, tls, SIZE_MAX);
    if (version == TLS_1_3) {
        assert_int_equal(gnutls_record_recv(server.session, bytes, sizeof(bytes)), GNUTLS_E_AGAIN); /* new keys */
    }
    assert_int_equal(gnutls_record_recv(server.session, bytes, sizeof(bytes)), sizeof(bytes));
    for (int i = 0; i < count; i++) {
        assert_int_equal(gnutls_record_recv(server.session, bytes, sizeof(bytes)), 1);
    }
    assert_int_equal(tls_write(tls, most), 0);
    /* However little is left, it is never tried in vain. */
    for (size_t first = 0; first < 128; first++) {
        tls_sent(tls, tls_outgoing(tls).size);
        assert_int_equal(tls_write(tls, (struct span){zeros, first}), 0);
        while (tls_write(tls, byte) == 0) {
        }
        assert_int_equal(tls_write(tls, byte), -EMSGSIZE);
    }
    end(&server, tls);
}

static void writes_as_long_as_there_is_room(void **state)
{
    (void)state;
    check_room(TLS_1_0, old_servers[TLS_1_0]);
    check_room(TLS_1_2, "NORMAL");
    check_room(TLS_1_2, "NONE:+VERS-TLS1.2:+RSA:+AES-256-CBC:+SHA256:+SHA384:+COMP-NULL:+CTYPE-X509:+SIGN-ALL");
    check_room(TLS_1_2,
               "NONE:+VERS-TLS1.2:+ECDHE-RSA:+AES-256-CBC:+SHA384:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+GROUP-ALL");
    check_room(TLS_1_3, "NORMAL");
}

/* The name that the server hears for what was asked; "" for none. */
static void check_name(const char *asked, const char *heard)
{
    struct tls_server server;
    struct tls *tls;
    char name[256] = "";
    size_t size = sizeof(name);
    unsigned int kind;

    assert_int_equal(
        tls_create(context, &(struct tls_options){.name = asked, .highest = TLS_1_3, .host = "192.0.2.1"}, &tls), 0);
    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&rsa}});
    assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
    if (gnutls_server_name_get(server.session, name, &size, &kind, 0) < 0) {
        name[0] = '\0';
    }
    assert_string_equal(name, heard);
    end(&server, tls);
}

static void asks_for_a_name_as_it_should(void **state)
{
    (void)state;
    check_name("www.example", "www.example");
    check_name("www.example.", "www.example");
    check_name("10.0.0.5", "");
    check_name("fd00::5", "");
    check_name("", "");
    check_name(".", "");
    check_name("\xff\xfe", "");
    check_name(NULL, "");
}

/* Servers in Go take the first of the list that they speak. */
static void check_versions(enum tls_version lowest, struct span list)
{
    struct tls *tls;
    const struct tls_options options = {.lowest = lowest, .highest = TLS_1_3};

    assert_int_equal(tls_create(context, &options, &tls), 0);
    assert_int_equal(tls_step(tls), TLS_SHAKING);
    assert_true(span_find(tls_outgoing(tls), list) > 0);
    tls_destroy(tls);
}

static void prefers_the_newest_version(void **state)
{
    (void)state;
    check_versions(TLS_1_0, SPAN_OF("\0\x2b\0\x09\x08\3\4\3\3\3\2\3\1"));
    check_versions(TLS_1_2, SPAN_OF("\0\x2b\0\5\4\3\4\3\3"));
}

static void names_the_alert(void **state)
{
    struct tls_server server;
    struct tls *tls;
    struct span alert;

    (void)state;
    assert_int_equal(tls_create(context, &(struct tls_options){.highest = TLS_1_2}, &tls), 0);
    assert_int_equal(tls_alert(tls).size, 0);
    tls_server_init(&server,
                    &(struct tls_server_options){.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3", .chain = {&rsa}});
    assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_FAILED);
    alert = tls_alert(tls);
    assert_int_equal(alert.size, strlen("handshake_failure"));
    assert_memory_equal(alert.bytes, "handshake_failure", alert.size);
    end(&server, tls);
}

static void offers_a_protocol(void **state)
{
    struct tls_server server;
    struct tls *tls;
    gnutls_datum_t known = {(unsigned char *)"http/1.1", 8};
    gnutls_datum_t chosen = {NULL, 0};

    (void)state;
    assert_int_equal(tls_create(context, &(struct tls_options){.alpn = "http/1.1", .highest = TLS_1_3}, &tls), 0);
    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&rsa}});
    assert_int_equal(gnutls_alpn_set_protocols(server.session, &known, 1, 0), 0);
    assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
    assert_int_equal(gnutls_alpn_get_selected_protocol(server.session, &chosen), 0);
    assert_memory_equal(chosen.data, "http/1.1", 8);
    end(&server, tls);
}

static void judges_what_it_was_shown(void **state)
{
    struct tls_server server;
    struct tls *tls = client(TLS_1_2, TLS_1_3);
    struct facts facts = {0};

    (void)state;
    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&ecdsa, &rsa}});
    assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
    tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
    assert_string_equal(facts_text(&facts, "cert.subject"), "CN=ec.example");
    assert_string_equal(facts_text(&facts, "cert.verdict"), "self-signed");
    assert_int_equal(facts_number(&facts, "cert.days_left", 0), 90);
    assert_true(facts_truth(&facts, "cert.name_mismatch", false));
    end(&server, tls);
}

/* Once the context is made, nothing is needed that a scan's sandbox refuses. */
static void works_inside_the_sandbox(void **state)
{
    pid_t child = fork();
    int status = 0;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        struct problem problem;
        bool stood = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && privilege_confine(false, &problem) == 0;
        for (enum tls_version version = TLS_1_2; stood && version < TLS_VERSIONS; version++) {
            struct tls_server server;
            struct facts facts = {0};
            struct tls *tls = client(version, version);
            tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&rsa}});
            stood = tls_server_shake(&server, tls, SIZE_MAX) == TLS_STANDS;
            tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
            stood = stood && facts_find(&facts, "cert.verdict") != NULL;
            end(&server, tls);
        }
        _exit(stood ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A server that would like one, and goes on without. */
static void a_wish_for_a_certificate_is_no_demand(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
        struct tls_server server;
        struct tls *tls = client(version, version);
        uint8_t byte;
        tls_server_init(&server, &(struct tls_server_options){
                                     .priorities = "NORMAL", .chain = {&rsa}, .request = GNUTLS_CERT_REQUEST});
        assert_int_equal(tls_server_shake(&server, tls, SIZE_MAX), TLS_STANDS);
        assert_false(tls_wants_certificate(tls));
        say(&server, 10);
        assert_int_equal(hear(&server, tls), 10);
        tls_closed(tls);
        assert_int_equal(tls_read(tls, &byte, 1), 0);
        assert_int_equal(tls_step(tls), TLS_FAILED);
        assert_false(tls_wants_certificate(tls));
        end(&server, tls);
    }
}

static void knows_records(void **state)
{
    (void)state;
    assert_true(tls_is_record(SPAN_OF("\x15\x03\x01\x00\x02\x02\x46")));
    assert_true(tls_is_record(SPAN_OF("\x15\x03\x00\x00\x02\x02")));
    assert_true(tls_is_record(SPAN_OF("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")));
    assert_false(tls_is_record(SPAN_OF("\x16\x03\x03\x00\x7a")));
    assert_false(tls_is_record(SPAN_OF("\x16\x03\x03\x00\x7a\x01\x00\x00\x76\x03\x03")));
    assert_false(tls_is_record(SPAN_OF("\x16\x03\x03\x00\x03\x02\x00\x00")));
    assert_false(tls_is_record(SPAN_OF("\x16\x03\x05\x00\x7a\x02\x00\x00\x76\x03\x03")));
    assert_false(tls_is_record(SPAN_OF("\x15\x02\xff\x00\x02\x02\x46")));
    assert_false(tls_is_record(SPAN_OF("\x15\x03\x01\x00\x03\x02\x46\x00")));
    assert_false(tls_is_record(SPAN_OF("\x15\x03\x01\x00\x02\x03\x46")));
    assert_false(tls_is_record(SPAN_OF("HTTP/1.1 400 Bad Request\r\n")));
    assert_false(tls_is_record((struct span){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_each_version),
        cmocka_unit_test(takes_every_kind_of_key),
        cmocka_unit_test(says_when_a_certificate_is_wanted),
        cmocka_unit_test(reads_the_largest_records),
        cmocka_unit_test(an_end_without_goodbye_is_seen_behind_what_was_said),
        cmocka_unit_test(another_handshake_is_passed_over),
        cmocka_unit_test(a_flood_of_nothing_ends),
        cmocka_unit_test(reads_on_behind_what_is_only_tls),
        cmocka_unit_test(writes_as_long_as_there_is_room),
        cmocka_unit_test(asks_for_a_name_as_it_should),
        cmocka_unit_test(prefers_the_newest_version),
        cmocka_unit_test(names_the_alert),
        cmocka_unit_test(offers_a_protocol),
        cmocka_unit_test(judges_what_it_was_shown),
        cmocka_unit_test(works_inside_the_sandbox),
        cmocka_unit_test(a_wish_for_a_certificate_is_no_demand),
        cmocka_unit_test(knows_records),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
