#include "scanner/service/certificate.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    /* As OpenSSL has it: nobody else's server could use more. */
    KEY_BITS_MAX = 16384,
    EXPONENT_BITS_MAX = 64,
    DSA_BITS_MAX = 4096,
    DSA_ORDER_BITS_MAX = 512,
    NAMES_MAX = 256,
    NAME_SIZE = 256,
    RSA_BITS_WEAK = 2048,
    CURVE_BITS_WEAK = 224,
    DAY_S = 86400,
};

/* 99991231235959Z: without a well-defined end (RFC 5280, section 4.1.2.5). */
static const time_t NO_DEFINED_END_S = INT64_C(253402300799);

struct certificate_trust {
    gnutls_x509_trust_list_t list;
};

/* GnuTLS asks one clock for all; each thread has its own answer while it judges. */
static _Thread_local int64_t judged_at_s = -1;

static time_t clock_of_judgement(time_t *ret_now)
{
    time_t now = judged_at_s >= 0 ? (time_t)judged_at_s : time(NULL);

    if (ret_now != NULL) {
        *ret_now = now;
    }
    return now;
}

int certificate_trust_create(struct certificate_trust **ret_trust, struct problem *problem)
{
    struct certificate_trust *trust = calloc(1, sizeof(*trust));

    if (trust == NULL || gnutls_x509_trust_list_init(&trust->list, 0) < 0) {
        free(trust);
        return problem_set(problem, -ENOMEM, "no memory for trusted certificates");
    }
    gnutls_global_set_time_function(clock_of_judgement);
    *ret_trust = trust;
    return 0;
}

void certificate_trust_destroy(struct certificate_trust *trust)
{
    if (trust != NULL) {
        gnutls_x509_trust_list_deinit(trust->list, 1);
        free(trust);
    }
}

size_t certificate_trust_system(struct certificate_trust *trust)
{
    int count = gnutls_x509_trust_list_add_system_trust(trust->list, 0, 0);

    return count > 0 ? (size_t)count : 0;
}

/* GnuTLS takes what it only reads by a pointer that could be written. */
static gnutls_datum_t datum_of(struct span span)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)span.bytes, (unsigned int)span.size};
}

/* -EBADMSG when it is none, -ENOMEM. The caller frees it: gnutls_x509_crt_deinit(). */
static int read_certificate(struct span der, gnutls_x509_crt_t *ret_certificate)
{
    gnutls_datum_t datum = datum_of(der);
    gnutls_x509_crt_t certificate;
    int rc;

    if (der.size > CERTIFICATE_SIZE_MAX) {
        return -EBADMSG;
    }
    if (gnutls_x509_crt_init(&certificate) < 0) {
        return -ENOMEM;
    }
    rc = gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_DER);
    if (rc < 0) {
        gnutls_x509_crt_deinit(certificate);
        return rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
    }
    *ret_certificate = certificate;
    return 0;
}

int certificate_trust_add(struct certificate_trust *trust, struct span der)
{
    gnutls_x509_crt_t certificate;
    int rc = read_certificate(der, &certificate);

    if (rc < 0) {
        return rc;
    }
    /* The list owns it from now on. */
    if (gnutls_x509_trust_list_add_cas(trust->list, &certificate, 1, 0) != 1) {
        gnutls_x509_crt_deinit(certificate);
        return -ENOMEM;
    }
    return 0;
}

/* A number in DER may begin with a byte of 0 for its sign. */
static size_t bits_at_most(gnutls_datum_t number)
{
    size_t skipped = 0;

    while (skipped < number.size && number.data[skipped] == 0) {
        skipped++;
    }
    return (number.size - skipped) * 8;
}

static bool rsa_is_bearable(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t modulus = {NULL, 0};
    gnutls_datum_t exponent = {NULL, 0};
    bool bearable = gnutls_x509_crt_get_pk_rsa_raw(certificate, &modulus, &exponent) >= 0 &&
                    bits_at_most(modulus) <= KEY_BITS_MAX && bits_at_most(exponent) <= EXPONENT_BITS_MAX;

    gnutls_free(modulus.data);
    gnutls_free(exponent.data);
    return bearable;
}

static bool dsa_is_bearable(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t parts[4] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    bool bearable = gnutls_x509_crt_get_pk_dsa_raw(certificate, &parts[0], &parts[1], &parts[2], &parts[3]) >= 0 &&
                    bits_at_most(parts[0]) <= DSA_BITS_MAX && bits_at_most(parts[1]) <= DSA_ORDER_BITS_MAX &&
                    bits_at_most(parts[2]) <= DSA_BITS_MAX && bits_at_most(parts[3]) <= DSA_BITS_MAX;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        gnutls_free(parts[i].data);
    }
    return bearable;
}

/* Kinds of keys without a choice of size, or that GnuTLS does not know, cost nothing. */
static bool key_is_bearable(gnutls_x509_crt_t certificate)
{
    int kind = gnutls_x509_crt_get_pk_algorithm(certificate, NULL);

    if (kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS) {
        return rsa_is_bearable(certificate);
    }
    return kind != GNUTLS_PK_DSA || dsa_is_bearable(certificate);
}

bool certificate_is_bearable(struct span der)
{
    gnutls_x509_crt_t certificate;
    bool bearable;

    if (read_certificate(der, &certificate) < 0) {
        return der.size <= CERTIFICATE_SIZE_MAX;
    }
    bearable = key_is_bearable(certificate);
    gnutls_x509_crt_deinit(certificate);
    return bearable;
}

static void set_fingerprint(struct span der, struct facts *facts)
{
    enum { DIGEST_SIZE = 32 };
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[DIGEST_SIZE];
    char text[2 * DIGEST_SIZE + 1] = "";

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, der.bytes, der.size, digest) < 0) {
        return;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 0xf];
    }
    facts_set_string(facts, "cert.sha256", text);
}

static void set_holder(gnutls_x509_crt_t certificate, const char *fact,
                       int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned), struct facts *facts)
{
    gnutls_datum_t name = {NULL, 0};

    if (get(certificate, &name, 0) >= 0 && name.data != NULL) {
        facts_set_text(facts, fact, (struct span){name.data, name.size});
        gnutls_free(name.data);
    }
}

/* Names stand with blanks between; one that holds a blank itself must not look like two, so it is escaped as RFC 4514
 * has it. One that finds no room is left out whole. */
static void put_name(struct wire_writer *names, struct span name)
{
    size_t before = names->size;

    if (name.size == 0) {
        return;
    }
    if (names->size > 0) {
        wire_put_u8(names, ' ');
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.bytes[i] == ' ') {
            wire_put_text(names, "\\20");
        } else {
            wire_put_u8(names, name.bytes[i]);
        }
    }
    if (names->failed) {
        names->failed = false;
        names->size = before;
    }
}

static void put_address(struct wire_writer *names, struct span address)
{
    char text[INET6_ADDRSTRLEN];
    int family = address.size == 4 ? AF_INET : AF_INET6;

    if ((address.size == 4 || address.size == 16) && inet_ntop(family, address.bytes, text, sizeof(text)) != NULL) {
        put_name(names, (struct span){(const uint8_t *)text, strlen(text)});
    }
}

/* What of its alternative names (RFC 5280, section 4.2.1.6) a client looks for. */
struct alternatives {
    bool any;
    bool addresses;
};

static struct alternatives put_alternatives(gnutls_x509_crt_t certificate, struct wire_writer *names)
{
    struct alternatives found = {false, false};

    for (unsigned int i = 0; i < NAMES_MAX; i++) {
        uint8_t name[NAME_SIZE];
        size_t size = sizeof(name);
        int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        if (kind == GNUTLS_E_SHORT_MEMORY_BUFFER) {
            continue;
        }
        if (kind < 0) {
            break;
        }
        if (kind == GNUTLS_SAN_DNSNAME) {
            found.any = true;
            put_name(names, (struct span){name, size});
        } else if (kind == GNUTLS_SAN_IPADDRESS) {
            found.any = true;
            found.addresses = true;
            put_address(names, (struct span){name, size});
        }
    }
    return found;
}

/* What a certificate is for when it has no alternative names: an older way (RFC 6125, section 6.4.4). */
static void put_common_name(gnutls_x509_crt_t certificate, struct wire_writer *names)
{
    uint8_t name[NAME_SIZE];
    size_t size = sizeof(name);

    if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >= 0) {
        put_name(names, (struct span){name, size});
    }
}

static bool is_for_address(gnutls_x509_crt_t certificate, const char *text)
{
    struct addr address;

    return addr_parse(text, &address) == 0 &&
           gnutls_x509_crt_check_ip(certificate, address.bytes, address.is_ipv6 != 0 ? 16 : 4, 0) != 0;
}

static void set_names(gnutls_x509_crt_t certificate, const struct certificate_host *host, struct facts *facts)
{
    uint8_t bytes[FACTS_TEXT_MAX];
    struct wire_writer names = wire_writer_of(bytes, sizeof(bytes));
    struct alternatives found = put_alternatives(certificate, &names);

    if (!found.any) {
        put_common_name(certificate, &names);
    }
    facts_set_text(facts, "cert.names", wire_written(&names));
    if (host->name != NULL) {
        facts_set_truth(facts, "cert.name_mismatch", gnutls_x509_crt_check_hostname2(certificate, host->name, 0) == 0);
    } else if (host->address != NULL && found.addresses) {
        facts_set_truth(facts, "cert.name_mismatch", !is_for_address(certificate, host->address));
    }
}

/* Whole days, rounded down: one that ended a minute ago has -1 left. */
static int64_t days_between(int64_t from_s, int64_t to_s)
{
    int64_t seconds = to_s - from_s;

    return seconds >= 0 ? seconds / DAY_S : -((-seconds + DAY_S - 1) / DAY_S);
}

static void set_times(gnutls_x509_crt_t certificate, int64_t now_s, struct facts *facts)
{
    time_t begins = gnutls_x509_crt_get_activation_time(certificate);
    time_t ends = gnutls_x509_crt_get_expiration_time(certificate);

    if (begins != (time_t)-1) {
        facts_set_number(facts, "cert.not_before", begins);
    }
    if (ends == GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION) {
        ends = NO_DEFINED_END_S;
    }
    if (ends != (time_t)-1) {
        facts_set_number(facts, "cert.not_after", ends);
        facts_set_number(facts, "cert.days_left", days_between(now_s, ends));
    }
}

static const char *key_name(int kind)
{
    switch (kind) {
    case GNUTLS_PK_RSA:
        return "RSA";
    case GNUTLS_PK_RSA_PSS:
        return "RSA-PSS";
    case GNUTLS_PK_ECDSA:
        return "ECDSA";
    case GNUTLS_PK_EDDSA_ED25519:
        return "Ed25519";
    case GNUTLS_PK_EDDSA_ED448:
        return "Ed448";
    default:
        return kind < 0 ? "unknown" : gnutls_pk_get_name((gnutls_pk_algorithm_t)kind);
    }
}

static bool key_is_weak(int kind, unsigned int bits)
{
    switch (kind) {
    case GNUTLS_PK_RSA:
    case GNUTLS_PK_RSA_PSS:
    case GNUTLS_PK_DSA:
        return bits < RSA_BITS_WEAK;
    case GNUTLS_PK_ECDSA:
        return bits < CURVE_BITS_WEAK;
    default:
        return false;
    }
}

static bool signature_is_weak(int algorithm)
{
    gnutls_digest_algorithm_t digest =
        algorithm < 0 ? GNUTLS_DIG_UNKNOWN : gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)algorithm);

    return digest == GNUTLS_DIG_MD2 || digest == GNUTLS_DIG_MD5 || digest == GNUTLS_DIG_SHA1;
}

/* By the name of what signed it; without a name for that, by its number. */
static void set_signature(gnutls_x509_crt_t certificate, int algorithm, struct facts *facts)
{
    const char *name = algorithm < 0 ? NULL : gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm);
    char number[NAME_SIZE];
    size_t size = sizeof(number);

    if (name != NULL) {
        facts_set_string(facts, "cert.signature", name);
    } else if (gnutls_x509_crt_get_signature_oid(certificate, number, &size) >= 0) {
        facts_set_string(facts, "cert.signature", number);
    }
}

static void set_strength(gnutls_x509_crt_t certificate, struct facts *facts)
{
    unsigned int bits = 0;
    int kind = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    bool proves = gnutls_x509_crt_check_issuer(certificate, certificate) == 0;

    facts_set_string(facts, "cert.key", key_name(kind));
    if (kind >= 0 && bits > 0) {
        facts_set_number(facts, "cert.key_bits", bits);
    }
    set_signature(certificate, algorithm, facts);
    facts_set_truth(facts, "cert.weak", key_is_weak(kind, bits) || (proves && signature_is_weak(algorithm)));
}

/* Its own issuer by name, with a signature that its own key made. */
static bool is_self_signed(gnutls_x509_crt_t certificate)
{
    const unsigned int flags = GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT | GNUTLS_VERIFY_DISABLE_CA_SIGN |
                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN |
                               GNUTLS_VERIFY_DO_NOT_ALLOW_SAME;
    unsigned int status = 0;

    return gnutls_x509_crt_check_issuer(certificate, certificate) != 0 &&
           gnutls_x509_crt_verify(certificate, &certificate, 1, flags, &status) >= 0 &&
           (status & GNUTLS_CERT_SIGNATURE_FAILURE) == 0;
}

/* GnuTLS says several things at once; what weighs most is what is said. */
static const char *verdict_of(unsigned int status, bool self_signed)
{
    const unsigned int others =
        GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;

    if (status == 0) {
        return "trusted";
    }
    if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0 && self_signed) {
        return "self-signed";
    }
    if ((status & ~others) != 0) {
        return "bad";
    }
    if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0) {
        return "unknown-issuer";
    }
    if ((status & GNUTLS_CERT_EXPIRED) != 0) {
        return "expired";
    }
    return (status & GNUTLS_CERT_NOT_ACTIVATED) != 0 ? "not-yet-valid" : "bad";
}

/* NULL for want of memory. */
static const char *judge(const struct certificate_trust *trust, gnutls_x509_crt_t *chain, unsigned int count,
                         int64_t now_s)
{
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
    bool self_signed;
    unsigned int status = 0;
    int rc;

    for (unsigned int i = 0; i < count; i++) {
        if (!key_is_bearable(chain[i])) {
            return "bad";
        }
    }
    self_signed = is_self_signed(chain[0]);
    judged_at_s = now_s;
    rc = gnutls_x509_trust_list_verify_crt2(trust->list, chain, count, &wanted, 1, 0, &status, NULL);
    judged_at_s = -1;
    if (rc == GNUTLS_E_MEMORY_ERROR) {
        return NULL;
    }
    return rc < 0 ? "bad" : verdict_of(status, self_signed);
}

/* How many could be read: what comes after one that cannot is not looked at. -ENOMEM, and then there are none. */
static int read_chain(const struct certificate_chain *chain, gnutls_x509_crt_t *certificates)
{
    int count = 0;
    int rc = 0;

    while (rc == 0 && (size_t)count < chain->count) {
        rc = read_certificate(chain->items[count], &certificates[count]);
        count += rc == 0;
    }
    if (rc != -ENOMEM) {
        return count;
    }
    while (count > 0) {
        gnutls_x509_crt_deinit(certificates[--count]);
    }
    return -ENOMEM;
}

static void set_certificate(gnutls_x509_crt_t certificate, const struct certificate_host *host, int64_t now_s,
                            struct facts *facts)
{
    set_holder(certificate, "cert.subject", gnutls_x509_crt_get_dn3, facts);
    set_holder(certificate, "cert.issuer", gnutls_x509_crt_get_issuer_dn3, facts);
    set_names(certificate, host, facts);
    set_times(certificate, now_s, facts);
    set_strength(certificate, facts);
}

void certificate_facts(const struct certificate_trust *trust, const struct certificate_chain *chain,
                       const struct certificate_host *host, int64_t now_s, struct facts *facts)
{
    gnutls_x509_crt_t certificates[CERTIFICATE_CHAIN_MAX];
    const char *verdict = "bad";
    int count;

    assert(chain->count <= CERTIFICATE_CHAIN_MAX);
    if (chain->count == 0) {
        return;
    }
    set_fingerprint(chain->items[0], facts);
    count = read_chain(chain, certificates);
    if (count < 0) {
        return;
    }
    if (count > 0) {
        verdict = judge(trust, certificates, (unsigned int)count, now_s);
        set_certificate(certificates[0], host, now_s, facts);
    }
    if (verdict != NULL) {
        facts_set_string(facts, "cert.verdict", verdict);
    }
    while (count > 0) {
        gnutls_x509_crt_deinit(certificates[--count]);
    }
}
