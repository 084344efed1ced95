#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/scanner/service/tls_server.h"

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
        cmocka_unit_test(knows_records),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
