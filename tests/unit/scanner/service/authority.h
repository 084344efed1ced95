/* Keys and certificates for tests, made while they run. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_AUTHORITY_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_AUTHORITY_H

#include "scanner/service/wire.h"

#include <assert.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { AUTHORITY_NOW_S = 1800000000, AUTHORITY_DAY_S = 86400 };

struct issued {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t der;
};

/* What is 0 is as usual: an Ed25519 key, from a day before AUTHORITY_NOW_S to 90 days after, by SHA-256, for servers.
 */
struct wish {
    gnutls_pk_algorithm_t key;
    unsigned int bits;
    gnutls_digest_algorithm_t digest;
    const char *common_name;
    const char *dns[3];
    const char *address; /* 4 bytes */
    int64_t begins_s;
    int64_t ends_s;
    bool is_ca;
    bool for_clients;
    unsigned int usage;          /* of its key; 0: any */
    const struct issued *issuer; /* NULL: itself */
};

static inline struct span issued_der(const struct issued *issued)
{
    return (struct span){issued->der.data, issued->der.size};
}

static inline void authority_name(gnutls_x509_crt_t certificate, const struct wish *wish)
{
    if (wish->common_name != NULL) {
        assert(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, wish->common_name,
                                             (unsigned int)strlen(wish->common_name)) == 0);
    }
    for (size_t i = 0; i < 3 && wish->dns[i] != NULL; i++) {
        assert(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, wish->dns[i],
                                                    (unsigned int)strlen(wish->dns[i]), GNUTLS_FSAN_APPEND) == 0);
    }
    if (wish->address != NULL) {
        assert(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, wish->address, 4,
                                                    GNUTLS_FSAN_APPEND) == 0);
    }
}

static inline void authority_issue(struct issued *issued, const struct wish *wish)
{
    gnutls_pk_algorithm_t kind = wish->key == GNUTLS_PK_UNKNOWN ? GNUTLS_PK_EDDSA_ED25519 : wish->key;
    gnutls_digest_algorithm_t digest = wish->digest == GNUTLS_DIG_UNKNOWN ? GNUTLS_DIG_SHA256 : wish->digest;
    const struct issued *issuer = wish->issuer != NULL ? wish->issuer : issued;
    int64_t begins_s = wish->begins_s != 0 ? wish->begins_s : AUTHORITY_NOW_S - AUTHORITY_DAY_S;
    int64_t ends_s = wish->ends_s != 0 ? wish->ends_s : AUTHORITY_NOW_S + INT64_C(90) * AUTHORITY_DAY_S;
    const uint8_t serial[] = {1, 2, 3};
    assert(gnutls_x509_privkey_init(&issued->key) == 0);
    assert(gnutls_x509_privkey_generate(issued->key, kind, wish->bits != 0 ? wish->bits : 256, 0) == 0);
    assert(gnutls_x509_crt_init(&issued->certificate) == 0);
    assert(gnutls_x509_crt_set_version(issued->certificate, 3) == 0);
    assert(gnutls_x509_crt_set_serial(issued->certificate, serial, sizeof(serial)) == 0);
    assert(gnutls_x509_crt_set_activation_time(issued->certificate, begins_s) == 0);
    assert(gnutls_x509_crt_set_expiration_time(issued->certificate, ends_s) == 0);
    assert(gnutls_x509_crt_set_key(issued->certificate, issued->key) == 0);
    assert(gnutls_x509_crt_set_basic_constraints(issued->certificate, wish->is_ca, -1) == 0);
    assert(wish->is_ca ||
           gnutls_x509_crt_set_key_purpose_oid(
               issued->certificate, wish->for_clients ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER, 0) == 0);
    assert(wish->usage == 0 || gnutls_x509_crt_set_key_usage(issued->certificate, wish->usage) == 0);
    authority_name(issued->certificate, wish);
    /* RFC 8032 has its own digest. */
    if (gnutls_x509_privkey_get_pk_algorithm(issuer->key) == GNUTLS_PK_EDDSA_ED25519) {
        digest = GNUTLS_DIG_SHA512;
    }
    assert(gnutls_x509_crt_sign2(issued->certificate, issuer->certificate, issuer->key, digest, 0) == 0);
    assert(gnutls_x509_crt_export2(issued->certificate, GNUTLS_X509_FMT_DER, &issued->der) == 0);
}

static inline void authority_free(struct issued *issued)
{
    gnutls_x509_privkey_deinit(issued->key);
    gnutls_x509_crt_deinit(issued->certificate);
    gnutls_free(issued->der.data);
}

#endif
