/* Servers that say what they should not, beside those of test_tls.c that mean well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/scanner/service/tls_server.h"

enum {
    RECORD_CHANGE_CIPHER = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
    RECORD_HEARTBEAT = 24,
    HELLO_REQUEST = 0,
    SERVER_HELLO = 2,
    CERTIFICATE = 11,
    KEY_EXCHANGE = 12,
    HELLO_DONE = 14,
    RSA_AES_SHA = 0x002f,
    DHE_RSA_AES_SHA = 0x0033,
    MESSAGE_ROOM = 70000,
    /* What a client that gives up in time has taken at most. */
    PATIENCE = 524288,
};

static struct tls_context *context;
static struct issued rsa;

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    authority_issue(&rsa, &(struct wish){.key = GNUTLS_PK_RSA, .bits = 2048, .common_name = "rsa.example"});
    return tls_context_create(&context, &problem);
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_destroy(context);
    authority_free(&rsa);
    return 0;
}

/* Its hello is made and thrown away. */
static struct tls *client(enum tls_version lowest, enum tls_version highest)
{
    struct tls *tls;

    assert_int_equal(tls_create(context, &(struct tls_options){.lowest = lowest, .highest = highest}, &tls), 0);
    assert_int_equal(tls_step(tls), TLS_SHAKING);
    assert_true(tls_outgoing(tls).size > 0);
    tls_sent(tls, tls_outgoing(tls).size);
    return tls;
}

/* As an engine does it; returns how many bytes it took. */
static size_t hear(struct tls *tls, struct span bytes)
{
    uint8_t inside[512];
    size_t taken = 0;
    size_t now;

    do {
        now = tls_arrive(tls, span_from(bytes, taken));
        taken += now;
        (void)tls_step(tls);
        while (tls_read(tls, inside, sizeof(inside)) > 0) {
        }
        tls_sent(tls, tls_outgoing(tls).size);
    } while (now > 0 && taken < bytes.size);
    return taken;
}

static void put_record(struct wire_writer *writer, uint8_t kind, uint16_t version, struct span body)
{
    wire_put_u8(writer, kind);
    wire_put_u16(writer, version);
    wire_put_u16(writer, (uint16_t)body.size);
    wire_put(writer, body);
}

/* In as many records as it takes. */
static void put_message(struct wire_writer *writer, uint8_t kind, struct span body)
{
    static uint8_t bytes[MESSAGE_ROOM];
    struct wire_writer message = wire_writer_of(bytes, sizeof(bytes));
    struct span left;

    wire_put_u8(&message, kind);
    wire_put_u24(&message, (uint32_t)body.size);
    wire_put(&message, body);
    assert_false(message.failed);
    left = wire_written(&message);
    while (left.size > 0) {
        struct span now = {left.bytes, left.size < 16384 ? left.size : 16384};
        put_record(writer, RECORD_HANDSHAKE, 0x0303, now);
        left = span_from(left, now.size);
    }
}

static void put_hello(struct wire_writer *writer, uint16_t version, uint16_t cipher)
{
    uint8_t bytes[64];
    struct wire_writer body = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u16(&body, version);
    wire_put_zeros(&body, 32);
    wire_put_u8(&body, 0);
    wire_put_u16(&body, cipher);
    wire_put_u8(&body, 0);
    put_message(writer, SERVER_HELLO, wire_written(&body));
}

static void put_certificate(struct wire_writer *writer, struct span der)
{
    static uint8_t bytes[MESSAGE_ROOM];
    struct wire_writer body = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u24(&body, (uint32_t)der.size + 3);
    wire_put_u24(&body, (uint32_t)der.size);
    wire_put(&body, der);
    assert_false(body.failed);
    put_message(writer, CERTIFICATE, wire_written(&body));
}

/* A Diffie-Hellman group of that size, with a signature that cannot be right. */
static void put_group(struct wire_writer *writer, size_t prime_size)
{
    static uint8_t bytes[MESSAGE_ROOM];
    struct wire_writer body = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u16(&body, (uint16_t)prime_size);
    for (size_t i = 0; i < prime_size; i++) {
        wire_put_u8(&body, 0xff);
    }
    wire_put(&body, SPAN_OF("\x00\x01\x02\x00\x01\x04"));
    wire_put(&body, SPAN_OF("\x04\x01\x00\x10"));
    wire_put_zeros(&body, 16);
    assert_false(body.failed);
    put_message(writer, KEY_EXCHANGE, wire_written(&body));
    put_message(writer, HELLO_DONE, SPAN_OF(""));
}

static void assert_failed(const struct tls *tls, const char *error)
{
    if (error != NULL) {
        assert_string_equal(tls_error(tls), error);
    } else {
        assert_non_null(tls_error(tls));
    }
}

static void check_agreed(uint16_t version, enum tls_version lowest, enum tls_version highest, int wanted)
{
    struct tls *tls = client(lowest, highest);
    uint8_t bytes[128];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
    enum tls_version agreed = TLS_VERSIONS;

    put_hello(&writer, version, RSA_AES_SHA);
    (void)hear(tls, wire_written(&writer));
    assert_int_equal(tls_agreed(tls, &agreed), wanted >= 0);
    if (wanted >= 0) {
        assert_int_equal(agreed, wanted);
    }
    tls_closed(tls);
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_failed(tls, wanted >= 0 ? "closed without a word" : NULL);
    tls_destroy(tls);
}

static void a_hello_alone_tells_the_version(void **state)
{
    (void)state;
    check_agreed(0x0301, TLS_1_0, TLS_1_0, TLS_1_0);
    check_agreed(0x0302, TLS_1_0, TLS_1_3, TLS_1_1);
    check_agreed(0x0303, TLS_1_0, TLS_1_2, TLS_1_2);
    check_agreed(0x0303, TLS_1_0, TLS_1_0, -1);
    check_agreed(0x0301, TLS_1_2, TLS_1_3, -1);
    check_agreed(0x0300, TLS_1_0, TLS_1_3, -1);
    check_agreed(0x0305, TLS_1_0, TLS_1_3, -1);
    check_agreed(0x7f1c, TLS_1_0, TLS_1_3, -1);
    check_agreed(0x0000, TLS_1_0, TLS_1_3, -1);
}

/* What GnuTLS refuses the server has still agreed to, and has shown its certificate for. */
static void check_group(size_t prime_size, const char *error)
{
    struct tls *tls = client(TLS_1_2, TLS_1_2);
    static uint8_t bytes[MESSAGE_ROOM];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
    enum tls_version agreed;

    put_hello(&writer, 0x0303, DHE_RSA_AES_SHA);
    put_certificate(&writer, issued_der(&rsa));
    put_group(&writer, prime_size);
    assert_false(writer.failed);
    (void)hear(tls, wire_written(&writer));
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_failed(tls, error);
    assert_true(tls_agreed(tls, &agreed));
    assert_int_equal(agreed, TLS_1_2);
    assert_true(span_equal(tls_certificate(tls), issued_der(&rsa)));
    assert_false(tls_wants_certificate(tls));
    tls_destroy(tls);
}

static void a_group_that_is_refused_counts(void **state)
{
    static const char without_measure[] = "a Diffie-Hellman group without measure";

    (void)state;
    check_group(8, NULL);
    check_group(64, NULL);
    check_group(1024, NULL);
    check_group(1025, without_measure);
    check_group(16384, without_measure);
    check_group(65000, without_measure);
}

/* A certificate that nobody can read, and one that is too long to be read. */
static void check_certificate(struct span der, const char *error)
{
    struct tls *tls = client(TLS_1_2, TLS_1_2);
    static uint8_t bytes[2 * MESSAGE_ROOM];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
    struct facts facts = {0};

    put_hello(&writer, 0x0303, RSA_AES_SHA);
    put_certificate(&writer, der);
    put_message(&writer, HELLO_DONE, SPAN_OF(""));
    (void)hear(tls, wire_written(&writer));
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_failed(tls, error);
    assert_true(span_equal(tls_certificate(tls), der));
    tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
    if (der.size > 0) {
        assert_string_equal(facts_text(&facts, "cert.verdict"), "bad");
    } else {
        assert_int_equal(facts.count, 0);
    }
    tls_destroy(tls);
}

static void shows_what_it_cannot_read(void **state)
{
    static uint8_t large[60000];

    (void)state;
    check_certificate(SPAN_OF(""), NULL);
    check_certificate(SPAN_OF("\x30\x03\x02\x01\x01"), NULL);
    check_certificate((struct span){large, 30000}, NULL);
    check_certificate((struct span){large, sizeof(large)}, "a certificate or key without measure");
}

static void says_which_alert(void **state)
{
    (void)state;
    for (int number = 0; number < 256; number++) {
        struct tls *tls = client(TLS_1_0, TLS_1_3);
        const uint8_t alert[] = {RECORD_ALERT, 3, 1, 0, 2, 2, (uint8_t)number};
        assert_int_equal(hear(tls, (struct span){alert, sizeof(alert)}), sizeof(alert));
        assert_int_equal(tls_step(tls), TLS_FAILED);
        assert_non_null(strstr(tls_error(tls), " alert"));
        if (number == 70) {
            assert_string_equal(tls_error(tls), "protocol_version alert");
        }
        tls_destroy(tls);
    }
}

static void a_goodbye_ends_a_handshake(void **state)
{
    struct tls *tls = client(TLS_1_0, TLS_1_3);

    (void)state;
    (void)hear(tls, SPAN_OF("\x15\x03\x03\x00\x02\x01\x00"));
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_failed(tls, "close_notify alert");
    tls_destroy(tls);
}

/* `unit` again and again: the client gives up in time. */
static void check_endless(enum tls_version lowest, enum tls_version highest, struct span begin, struct span unit)
{
    struct tls *tls = client(lowest, highest);
    size_t taken = hear(tls, begin);

    while (tls_step(tls) == TLS_SHAKING && taken <= PATIENCE) {
        taken += hear(tls, unit);
    }
    assert_int_equal(tls_step(tls), TLS_FAILED);
    assert_true(taken <= PATIENCE);
    assert_failed(tls, NULL);
    /* Nothing more is taken in, and nothing more comes out. */
    assert_int_equal(hear(tls, unit), unit.size);
    assert_int_equal(tls_outgoing(tls).size, 0);
    tls_destroy(tls);
}

static void a_handshake_ends(void **state)
{
    static uint8_t bytes[MESSAGE_ROOM];
    static uint8_t filler[16384];
    static const uint8_t huge[] = {RECORD_HANDSHAKE, 3, 3, 0, 4, CERTIFICATE, 0xff, 0xff, 0xff};
    static const uint8_t large[] = {RECORD_HANDSHAKE, 3, 3, 0, 4, CERTIFICATE, 1, 0xff, 0xff};
    struct wire_writer hello = wire_writer_of(bytes, 256);
    struct wire_writer part = wire_writer_of(bytes + 256, 32768);

    (void)state;
    put_hello(&hello, 0x0303, RSA_AES_SHA);
    check_endless(TLS_1_2, TLS_1_2, wire_written(&hello), SPAN_OF("\x16\x03\x03\x00\x04\x00\x00\x00\x00"));
    check_endless(TLS_1_2, TLS_1_2, SPAN_OF(""), SPAN_OF("\x16\x03\x03\x00\x04\x00\x00\x00\x00"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x15\x03\x03\x00\x02\x01\x70"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x15\x03\x03\x00\x02\x01\x5a"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x16\x03\x03\x00\x00"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x14\x03\x03\x00\x01\x01"));
    check_endless(TLS_1_3, TLS_1_3, SPAN_OF(""), SPAN_OF("\x17\x03\x03\x00\x01\x01"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x18\x03\x03\x00\x03\x01\x40\x00"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("HTTP/1.1 400 Bad Request\r\n"));
    check_endless(TLS_1_0, TLS_1_3, SPAN_OF(""), SPAN_OF("\x00"));
    put_record(&part, RECORD_HANDSHAKE, 0x0303, (struct span){filler, sizeof(filler)});
    wire_put(&hello, (struct span){huge, sizeof(huge)});
    check_endless(TLS_1_2, TLS_1_2, wire_written(&hello), wire_written(&part));
    hello.size -= sizeof(huge);
    wire_put(&hello, (struct span){large, sizeof(large)});
    check_endless(TLS_1_2, TLS_1_2, wire_written(&hello), wire_written(&part));
}

static void refuses_records_of_every_wrong_kind(void **state)
{
    static const uint8_t kinds[] = {0, 19, RECORD_CHANGE_CIPHER, RECORD_DATA, RECORD_HEARTBEAT, 25, 0x80, 255};
    static uint8_t bytes[2 * 32768];

    (void)state;
    for (size_t i = 0; i < sizeof(kinds); i++) {
        struct tls *tls = client(TLS_1_0, TLS_1_3);
        struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
        put_record(&writer, kinds[i], 0x0303, SPAN_OF("\x01\x40\x00"));
        (void)hear(tls, wire_written(&writer));
        tls_closed(tls);
        assert_int_equal(tls_step(tls), TLS_FAILED);
        tls_destroy(tls);
    }
    for (uint32_t size = 16384 + 2049; size <= 65535; size += 15000) {
        struct tls *tls = client(TLS_1_0, TLS_1_3);
        const uint8_t header[] = {RECORD_HANDSHAKE, 3, 3, (uint8_t)(size >> 8), (uint8_t)size, SERVER_HELLO, 0};
        (void)hear(tls, (struct span){header, sizeof(header)});
        assert_int_equal(tls_step(tls), TLS_FAILED);
        tls_destroy(tls);
    }
}

/* A whole handshake in which one byte is another, or behind which the connection ends. */
struct damage {
    size_t at;
    uint8_t flip; /* 0: the end */
};

static enum tls_state shake_damaged(enum tls_version version, const struct damage *damage, size_t *ret_size)
{
    struct tls_server server;
    struct tls *tls;
    struct facts facts = {0};
    enum tls_state state;
    bool more = true;
    bool cut = false;

    assert_int_equal(tls_create(context, &(struct tls_options){.lowest = version, .highest = version}, &tls), 0);
    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL:+DHE-RSA:+RSA", .chain = {&rsa}});
    while (more) {
        (void)tls_step(tls);
        tls_server_step(&server);
        if (!cut && server.to_client.size > damage->at) {
            cut = true;
            server.to_client.bytes[damage->at] ^= damage->flip;
            server.to_client.size = damage->flip == 0 ? damage->at : server.to_client.size;
        }
        more = tls_server_carry(&server, tls, SIZE_MAX) && !(cut && damage->flip == 0);
    }
    *ret_size = server.to_client.size;
    state = tls_step(tls);
    if (state == TLS_SHAKING) {
        tls_closed(tls);
        state = tls_step(tls);
    }
    assert_int_equal(state == TLS_FAILED, tls_error(tls) != NULL);
    tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
    tls_destroy(tls);
    tls_server_done(&server);
    return state;
}

static void bears_every_damage_to_a_handshake(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version < TLS_VERSIONS; version++) {
        size_t size;
        size_t ignored;
        size_t stood = 0;
        assert_int_equal(shake_damaged(version, &(struct damage){.at = SIZE_MAX}, &size), TLS_STANDS);
        for (size_t at = 0; at < size; at++) {
            stood += shake_damaged(version, &(struct damage){at, at % 2 == 0 ? 0x01 : 0x80}, &ignored) == TLS_STANDS;
            if (at % 7 == 0) {
                (void)shake_damaged(version, &(struct damage){at, 0}, &ignored);
            }
        }
        /* Hardly a byte is there for nothing: versions in the heads of records, mostly. */
        print_message("# %zu of %zu\n", stood, size);
        assert_true(stood < size / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_alone_tells_the_version),     cmocka_unit_test(a_group_that_is_refused_counts),
        cmocka_unit_test(shows_what_it_cannot_read),           cmocka_unit_test(says_which_alert),
        cmocka_unit_test(a_goodbye_ends_a_handshake),          cmocka_unit_test(a_handshake_ends),
        cmocka_unit_test(refuses_records_of_every_wrong_kind), cmocka_unit_test(bears_every_damage_to_a_handshake),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
