#include "scanner/service/tls.h"

#include "scanner/service/certificate.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_SIZE = 8192,
    OUT_SIZE = 8192,
    /* So much may come without a handshake's end or a byte of what is inside: no server needs more, and one without end
     * is cut off. */
    QUIET_MAX = 262144,
    /* Of certificates, as they stand in the message. */
    CHAIN_SIZE_MAX = 65536,
    /* More than what is added to a record, 85 bytes at most (a SHA-384 and two blocks of AES), or to one of TLS 1.3
     * with a key update before it. */
    RECORD_OVERHEAD = 128,
    /* The largest group that has a name (RFC 7919). */
    DH_BITS_MAX = 8192,
    DH_BITS_MIN = 256,
    PRIORITY_SIZE = 1024,
};

/* RFC 8446, section 4. */
enum { VERSION_1_0 = 0x0301, VERSION_1_3 = 0x0304, EXTENSION_SUPPORTED_VERSIONS = 43, RANDOM_SIZE = 32 };

/* RFC 8446, section 5.1 and appendix B. */
enum {
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_HEADER_SIZE = 5,
    RECORD_SIZE_MAX = 16384,
    ALERT_SIZE = 2,
    ALERT_WARNING = 1,
    ALERT_FATAL = 2,
    HANDSHAKE_HEADER_SIZE = 4,
    /* Version, random, an empty session id, cipher, compression. */
    SERVER_HELLO_SIZE_MIN = 38,
};

struct tls_context {
    struct certificate_trust *trust;
    gnutls_certificate_credentials_t credentials; /* none of ours */
    /* By lowest and highest version; NULL where the system's configuration forbids one of the versions. */
    gnutls_priority_t priorities[TLS_VERSIONS][TLS_VERSIONS];
};

struct tls {
    const struct tls_context *context;
    gnutls_session_t session;
    enum tls_state state;
    const char *error;
    char *name;
    char *host;
    enum tls_version lowest;
    enum tls_version highest;
    bool has_chosen;
    enum tls_version chosen;
    bool asked_certificate;
    bool refused; /* it is the server that broke off */
    bool alerted; /* by an alert, whose phrase is `error` */
    bool closed;
    bool answered;         /* inside */
    size_t quiet;          /* bytes since the last that led somewhere */
    uint8_t *certificates; /* one behind the other */
    struct certificate_chain chain;
    uint8_t in[IN_SIZE];
    size_t in_at;
    size_t in_size;
    uint8_t out[OUT_SIZE];
    size_t out_size;
};

const char *tls_version_name(enum tls_version version)
{
    static const char *const names[TLS_VERSIONS] = {"1.0", "1.1", "1.2", "1.3"};

    assert(version < TLS_VERSIONS);
    return names[version];
}

/* All that GnuTLS can do, the best first: what is asked is what the server takes. %COMPAT bears certificates whose key
 * is not meant for what the server does with it. NULL when the system's configuration has taken out one of the
 * versions, which it does without a word. */
static int make_priorities(enum tls_version lowest, enum tls_version highest, gnutls_priority_t *ret_priorities)
{
    char text[PRIORITY_SIZE] = "NONE";
    size_t size = strlen(text);
    gnutls_priority_t priorities;
    const unsigned int *versions;
    int rc;

    /* The newest first: that is our preference (RFC 8446, section 4.2.1). Servers in Go go by it, and a choice below
     * what both sides have is an attack to GnuTLS (section 4.1.3). */
    for (int version = (int)highest; version >= (int)lowest; version--) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, ":+VERS-TLS%s",
                                 tls_version_name((enum tls_version)version));
    }
    snprintf(text + size, sizeof(text) - size,
             ":+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+RSA:+DHE-DSS"
             ":+CIPHER-ALL:+AES-256-CCM-8:+AES-128-CCM-8:+CAMELLIA-256-GCM:+CAMELLIA-128-GCM:+CAMELLIA-256-CBC"
             ":+CAMELLIA-128-CBC:+3DES-CBC:+ARCFOUR-128"
             ":+MAC-ALL:+SHA384:+SHA256:+MD5:+COMP-NULL:+CTYPE-X509"
             ":+SIGN-ALL:+SIGN-DSA-SHA256:+SIGN-DSA-SHA1"
             ":+GROUP-ALL:+GROUP-SECP224R1:+GROUP-SECP192R1"
             ":%%COMPAT");
    rc = gnutls_priority_init(&priorities, text, NULL);
    if (rc < 0) {
        *ret_priorities = NULL;
        return rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : 0;
    }
    if (gnutls_priority_protocol_list(priorities, &versions) != (int)(highest - lowest) + 1) {
        gnutls_priority_deinit(priorities);
        priorities = NULL;
    }
    *ret_priorities = priorities;
    return 0;
}

static int make_all_priorities(struct tls_context *context)
{
    int rc = 0;

    for (enum tls_version lowest = TLS_1_0; rc == 0 && lowest < TLS_VERSIONS; lowest++) {
        for (enum tls_version highest = lowest; rc == 0 && highest < TLS_VERSIONS; highest++) {
            rc = make_priorities(lowest, highest, &context->priorities[lowest][highest]);
        }
    }
    return rc;
}

int tls_context_create(struct tls_context **ret_context, struct problem *problem)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    int rc;

    if (context == NULL) {
        return problem_set(problem, -ENOMEM, "no memory for TLS");
    }
    rc = certificate_trust_create(&context->trust, problem);
    if (rc < 0) {
        goto fail;
    }
    if (gnutls_certificate_allocate_credentials(&context->credentials) < 0 || make_all_priorities(context) < 0) {
        rc = problem_set(problem, -ENOMEM, "no memory for TLS");
        goto fail;
    }
    (void)certificate_trust_system(context->trust);
    *ret_context = context;
    return 0;
fail:
    tls_context_destroy(context);
    return rc;
}

void tls_context_destroy(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    for (size_t i = 0; i < (size_t)TLS_VERSIONS * TLS_VERSIONS; i++) {
        gnutls_priority_t priorities = context->priorities[i / TLS_VERSIONS][i % TLS_VERSIONS];
        if (priorities != NULL) {
            gnutls_priority_deinit(priorities);
        }
    }
    if (context->credentials != NULL) {
        gnutls_certificate_free_credentials(context->credentials);
    }
    certificate_trust_destroy(context->trust);
    free(context);
}

static ssize_t push(gnutls_transport_ptr_t context, const void *bytes, size_t size)
{
    struct tls *tls = context;
    size_t room = sizeof(tls->out) - tls->out_size;
    size_t taken = size < room ? size : room;

    if (taken == 0) {
        gnutls_transport_set_errno(tls->session, EAGAIN);
        return -1;
    }
    memcpy(tls->out + tls->out_size, bytes, taken);
    tls->out_size += taken;
    return (ssize_t)taken;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t room)
{
    struct tls *tls = context;
    size_t left = tls->in_size - tls->in_at;
    size_t taken = room < left ? room : left;

    if (taken == 0 && tls->closed) {
        return 0;
    }
    if (taken == 0) {
        gnutls_transport_set_errno(tls->session, EAGAIN);
        return -1;
    }
    tls->quiet += taken;
    if (tls->quiet > QUIET_MAX) {
        tls->error = "more than a handshake needs";
        gnutls_transport_set_errno(tls->session, EIO);
        return -1;
    }
    memcpy(bytes, tls->in + tls->in_at, taken);
    tls->in_at += taken;
    return (ssize_t)taken;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned int timeout_ms)
{
    const struct tls *tls = context;

    (void)timeout_ms;
    return tls->in_at < tls->in_size || tls->closed ? 1 : 0;
}

/* What version the message is about: its extension goes before its field (RFC 8446, section 4.2.1). */
static uint16_t version_of_hello(struct span hello)
{
    struct wire_reader reader = wire_reader_of(hello);
    uint16_t version = wire_u16(&reader);
    struct wire_reader extensions;

    wire_skip(&reader, RANDOM_SIZE);
    wire_skip(&reader, wire_u8(&reader));
    wire_skip(&reader, 3); /* cipher and compression */
    if (reader.failed || reader.rest.size == 0) {
        return reader.failed ? 0 : version;
    }
    extensions = wire_reader_of(wire_bytes(&reader, wire_u16(&reader)));
    while (extensions.rest.size > 0 && !extensions.failed) {
        uint16_t kind = wire_u16(&extensions);
        struct wire_reader extension = wire_reader_of(wire_bytes(&extensions, wire_u16(&extensions)));
        if (kind == EXTENSION_SUPPORTED_VERSIONS) {
            version = wire_u16(&extension);
        }
    }
    return extensions.failed ? 0 : version;
}

static int hear_hello(struct tls *tls, struct span hello)
{
    uint16_t version = version_of_hello(hello);

    if (version >= VERSION_1_0 + tls->lowest && version <= VERSION_1_0 + tls->highest) {
        tls->has_chosen = true;
        tls->chosen = (enum tls_version)(version - VERSION_1_0);
    }
    return 0;
}

/* The list of certificates: in TLS 1.3 behind a context that a server leaves empty, with extensions behind each
 * (RFC 5246, section 7.4.2; RFC 8446, section 4.4.2). */
static int hear_certificates(struct tls *tls, struct span message)
{
    struct wire_reader reader = wire_reader_of(message);
    bool is_1_3 = tls->has_chosen && tls->chosen == TLS_1_3;
    size_t used = 0;

    if (is_1_3) {
        wire_skip(&reader, wire_u8(&reader));
    }
    reader = wire_reader_of(wire_bytes(&reader, wire_u24(&reader)));
    if (tls->certificates != NULL || reader.rest.size == 0) {
        return 0;
    }
    tls->certificates = malloc(reader.rest.size < CHAIN_SIZE_MAX ? reader.rest.size : CHAIN_SIZE_MAX);
    if (tls->certificates == NULL) {
        return GNUTLS_E_MEMORY_ERROR;
    }
    while (reader.rest.size > 0 && tls->chain.count < CERTIFICATE_CHAIN_MAX) {
        struct span der = wire_bytes(&reader, wire_u24(&reader));
        if (is_1_3) {
            wire_skip(&reader, wire_u16(&reader));
        }
        if (reader.failed || der.size == 0 || der.size > CHAIN_SIZE_MAX - used) {
            break;
        }
        memcpy(tls->certificates + used, der.bytes, der.size);
        tls->chain.items[tls->chain.count++] = (struct span){tls->certificates + used, der.size};
        used += der.size;
    }
    if (tls->chain.count > 0 && !certificate_is_bearable(tls->chain.items[0])) {
        tls->error = "a certificate or key without measure";
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    return 0;
}

/* Only a Diffie-Hellman group is as large as the server likes (RFC 5246, section 7.4.3): its prime comes first. */
static int hear_key_exchange(struct tls *tls, struct span message)
{
    gnutls_kx_algorithm_t kind = gnutls_kx_get(tls->session);
    struct wire_reader reader = wire_reader_of(message);

    if ((kind == GNUTLS_KX_DHE_RSA || kind == GNUTLS_KX_DHE_DSS) && wire_u16(&reader) > DH_BITS_MAX / 8) {
        tls->error = "a Diffie-Hellman group without measure";
        return GNUTLS_E_DH_PRIME_UNACCEPTABLE;
    }
    return 0;
}

/* GnuTLS shows each message before it looks at it itself. */
static int hear_message(gnutls_session_t session, unsigned int kind, unsigned int when, unsigned int incoming,
                        const gnutls_datum_t *message)
{
    struct tls *tls = gnutls_session_get_ptr(session);
    struct span bytes = {message->data, message->size};

    (void)when;
    if (incoming == 0 || tls->state != TLS_SHAKING) {
        return 0;
    }
    switch (kind) {
    case GNUTLS_HANDSHAKE_SERVER_HELLO:
    case GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST:
        return hear_hello(tls, bytes);
    case GNUTLS_HANDSHAKE_CERTIFICATE_PKT:
        return hear_certificates(tls, bytes);
    case GNUTLS_HANDSHAKE_SERVER_KEY_EXCHANGE:
        return hear_key_exchange(tls, bytes);
    case GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST:
        tls->asked_certificate = true;
        return 0;
    default:
        return 0;
    }
}

/* The name as it is asked for and must be met: a trailing dot is no part of it, and an address is no name (RFC 6066,
 * section 3). *ret_copy is NULL then. -ENOMEM. */
static int copy_name(const char *name, char **ret_copy)
{
    size_t size = name == NULL ? 0 : strlen(name);
    struct addr address;

    *ret_copy = NULL;
    if (size > 0 && name[size - 1] == '.') {
        size--;
    }
    if (size == 0 || addr_parse(name, &address) == 0) {
        return 0;
    }
    *ret_copy = strndup(name, size);
    return *ret_copy == NULL ? -ENOMEM : 0;
}

static int set_options(struct tls *tls, const struct tls_options *options)
{
    gnutls_priority_t priorities = tls->context->priorities[options->lowest][options->highest];
    int rc = 0;

    if (priorities == NULL) {
        return -ENOTSUP;
    }
    gnutls_dh_set_prime_bits(tls->session, DH_BITS_MIN);
    /* A name that cannot be sent is none that a server has. */
    if (rc == 0 && tls->name != NULL &&
        gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, tls->name, strlen(tls->name)) == GNUTLS_E_MEMORY_ERROR) {
        rc = -ENOMEM;
    }
    if (rc == 0 && options->alpn != NULL) {
        gnutls_datum_t alpn = {(unsigned char *)(uintptr_t)options->alpn, (unsigned int)strlen(options->alpn)};
        rc = gnutls_alpn_set_protocols(tls->session, &alpn, 1, 0) < 0 ? -EINVAL : 0;
    }
    if (rc == 0 && gnutls_priority_set(tls->session, priorities) < 0) {
        rc = -ENOMEM;
    }
    if (rc == 0 && gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->context->credentials) < 0) {
        rc = -ENOMEM;
    }
    return rc;
}

int tls_create(const struct tls_context *context, const struct tls_options *options, struct tls **ret_tls)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    int rc;

    assert(options->lowest <= options->highest && options->highest < TLS_VERSIONS);
    if (tls == NULL) {
        return -ENOMEM;
    }
    tls->context = context;
    tls->lowest = options->lowest;
    tls->highest = options->highest;
    rc = copy_name(options->name, &tls->name);
    if (rc == 0 && options->host != NULL && (tls->host = strdup(options->host)) == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0 && gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS) < 0) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = set_options(tls, options);
    }
    if (rc < 0) {
        tls_destroy(tls);
        return rc;
    }
    gnutls_session_set_ptr(tls->session, tls);
    gnutls_transport_set_ptr(tls->session, tls);
    gnutls_transport_set_push_function(tls->session, push);
    gnutls_transport_set_pull_function(tls->session, pull);
    gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
    gnutls_handshake_set_timeout(tls->session, 0);
    gnutls_handshake_set_hook_function(tls->session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, hear_message);
    *ret_tls = tls;
    return 0;
}

void tls_destroy(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->session != NULL) {
        gnutls_deinit(tls->session);
    }
    free(tls->certificates);
    free(tls->name);
    free(tls->host);
    free(tls);
}

size_t tls_arrive(struct tls *tls, struct span bytes)
{
    size_t room;
    size_t taken;

    if (tls->state == TLS_FAILED || tls->state == TLS_ENDED) {
        return bytes.size;
    }
    if (tls->in_at > 0) {
        memmove(tls->in, tls->in + tls->in_at, tls->in_size - tls->in_at);
        tls->in_size -= tls->in_at;
        tls->in_at = 0;
    }
    room = sizeof(tls->in) - tls->in_size;
    taken = bytes.size < room ? bytes.size : room;
    if (taken > 0) {
        memcpy(tls->in + tls->in_size, bytes.bytes, taken);
        tls->in_size += taken;
    }
    return taken;
}

void tls_closed(struct tls *tls)
{
    tls->closed = true;
}

/* RFC 8446, section 6, and what older versions have besides. */
static const char *alert_phrase(gnutls_alert_description_t alert)
{
    static const struct {
        int number;
        const char *phrase;
    } phrases[] = {
        {0, "close_notify alert"},
        {10, "unexpected_message alert"},
        {20, "bad_record_mac alert"},
        {21, "decryption_failed alert"},
        {22, "record_overflow alert"},
        {30, "decompression_failure alert"},
        {40, "handshake_failure alert"},
        {41, "no_certificate alert"},
        {42, "bad_certificate alert"},
        {43, "unsupported_certificate alert"},
        {44, "certificate_revoked alert"},
        {45, "certificate_expired alert"},
        {46, "certificate_unknown alert"},
        {47, "illegal_parameter alert"},
        {48, "unknown_ca alert"},
        {49, "access_denied alert"},
        {50, "decode_error alert"},
        {51, "decrypt_error alert"},
        {60, "export_restriction alert"},
        {70, "protocol_version alert"},
        {71, "insufficient_security alert"},
        {80, "internal_error alert"},
        {86, "inappropriate_fallback alert"},
        {90, "user_canceled alert"},
        {100, "no_renegotiation alert"},
        {109, "missing_extension alert"},
        {110, "unsupported_extension alert"},
        {111, "certificate_unobtainable alert"},
        {112, "unrecognized_name alert"},
        {113, "bad_certificate_status_response alert"},
        {114, "bad_certificate_hash_value alert"},
        {115, "unknown_psk_identity alert"},
        {116, "certificate_required alert"},
        {120, "no_application_protocol alert"},
    };

    for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
        if (phrases[i].number == (int)alert) {
            return phrases[i].phrase;
        }
    }
    return "unknown alert";
}

static void fail(struct tls *tls, int rc)
{
    tls->state = TLS_FAILED;
    tls->refused = true;
    tls->alerted = rc == GNUTLS_E_FATAL_ALERT_RECEIVED;
    if (tls->alerted) {
        tls->error = alert_phrase(gnutls_alert_get(tls->session));
    } else if (rc == GNUTLS_E_SESSION_EOF) {
        tls->error = alert_phrase(GNUTLS_A_CLOSE_NOTIFY);
    } else if (rc == GNUTLS_E_PREMATURE_TERMINATION) {
        tls->error = "closed without a word";
    } else {
        tls->refused = false;
        tls->error = tls->error != NULL ? tls->error : gnutls_strerror(rc);
    }
    if (!tls->refused) {
        /* The server is told, where there is room for it: it may wait for us otherwise. */
        (void)gnutls_alert_send_appropriate(tls->session, rc);
    }
}

/* What is no end is passed over: warnings, and the wish for another handshake (RFC 5246, section 7.4.1.1 lets a client
 * do so). Whether to go on: only as long as that has used bytes up, of which there is an end. */
static bool bears(struct tls *tls, int rc, size_t left_before)
{
    size_t left = tls->in_size - tls->in_at;

    /* Said after a session's ticket too (RFC 8446, section 4.6.1), whatever waits behind it. */
    if (rc == GNUTLS_E_AGAIN) {
        return left > 0 && left < left_before;
    }
    if (gnutls_error_is_fatal(rc) != 0 || left >= left_before) {
        fail(tls, rc);
        return false;
    }
    return true;
}

static void stand(struct tls *tls)
{
    gnutls_protocol_t version = gnutls_protocol_get_version(tls->session);

    assert(version >= GNUTLS_TLS1_0 && version <= GNUTLS_TLS1_3);
    tls->state = TLS_STANDS;
    tls->quiet = 0;
    tls->has_chosen = true;
    tls->chosen = (enum tls_version)(version - GNUTLS_TLS1_0);
}

enum tls_state tls_step(struct tls *tls)
{
    bool more = tls->state == TLS_SHAKING;

    while (more) {
        size_t left = tls->in_size - tls->in_at;
        int rc = gnutls_handshake(tls->session);
        if (rc >= 0) {
            stand(tls);
            break;
        }
        more = bears(tls, rc, left);
    }
    return tls->state;
}

struct span tls_outgoing(const struct tls *tls)
{
    return (struct span){tls->out, tls->out_size};
}

void tls_sent(struct tls *tls, size_t size)
{
    assert(size <= tls->out_size);
    memmove(tls->out, tls->out + size, tls->out_size - size);
    tls->out_size -= size;
}

size_t tls_read(struct tls *tls, uint8_t *bytes, size_t room)
{
    bool more = tls->state == TLS_STANDS && room > 0;

    while (more) {
        size_t left = tls->in_size - tls->in_at;
        ssize_t rc = gnutls_record_recv(tls->session, bytes, room);
        if (rc > 0) {
            tls->quiet = 0;
            tls->answered = true;
            return (size_t)rc;
        }
        if (rc == 0) {
            tls->state = TLS_ENDED;
            break;
        }
        more = bears(tls, (int)rc, left);
    }
    return 0;
}

int tls_write(struct tls *tls, struct span bytes)
{
    size_t records;
    size_t sent = 0;

    assert(tls->state == TLS_STANDS);
    records = bytes.size / gnutls_record_get_max_size(tls->session) + 1;
    if (bytes.size + records * RECORD_OVERHEAD > sizeof(tls->out) - tls->out_size) {
        return -EMSGSIZE;
    }
    while (sent < bytes.size) {
        ssize_t rc = gnutls_record_send(tls->session, bytes.bytes + sent, bytes.size - sent);
        if (rc < 0) {
            fail(tls, (int)rc);
            return -EPROTO;
        }
        sent += (size_t)rc;
    }
    return 0;
}

const char *tls_error(const struct tls *tls)
{
    return tls->error;
}

struct span tls_alert(const struct tls *tls)
{
    const char *phrase = tls->alerted ? tls->error : "";
    const char *end = strchr(phrase, ' ');

    return (struct span){(const uint8_t *)phrase, end != NULL ? (size_t)(end - phrase) : 0};
}

bool tls_is_record(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t kind = wire_u8(&reader);
    uint16_t version = wire_u16(&reader);
    uint16_t size = wire_u16(&reader);
    uint8_t first = wire_u8(&reader);

    if (reader.failed || version < VERSION_1_0 - 1 || version > VERSION_1_3) {
        return false;
    }
    if (kind == RECORD_ALERT) {
        return size == ALERT_SIZE && (first == ALERT_WARNING || first == ALERT_FATAL);
    }
    return kind == RECORD_HANDSHAKE && size >= HANDSHAKE_HEADER_SIZE && size <= RECORD_SIZE_MAX &&
           first == GNUTLS_HANDSHAKE_SERVER_HELLO &&
           (reader.rest.size < 3 || wire_u24(&reader) >= SERVER_HELLO_SIZE_MIN);
}

bool tls_agreed(const struct tls *tls, enum tls_version *ret_version)
{
    if (tls->has_chosen) {
        *ret_version = tls->chosen;
    }
    return tls->has_chosen;
}

bool tls_wants_certificate(const struct tls *tls)
{
    return tls->asked_certificate && tls->refused && !tls->answered;
}

struct span tls_certificate(const struct tls *tls)
{
    return tls->chain.count > 0 ? tls->chain.items[0] : (struct span){NULL, 0};
}

void tls_certificate_facts(const struct tls *tls, int64_t now_s, struct facts *facts)
{
    const struct certificate_host host = {.name = tls->name, .address = tls->host};

    certificate_facts(tls->context->trust, &tls->chain, &host, now_s, facts);
}
