#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scanner/service/certificate.h"
#include "tests/unit/scanner/service/authority.h"

#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>

static struct certificate_trust *trust;
static struct issued root;
static struct issued stranger; /* an authority that nobody trusts */
static struct issued between;
static struct issued rsa_root;

static const struct certificate_host web = {.name = "www.example", .address = "192.0.2.1"};

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    authority_issue(&root, &(struct wish){.common_name = "Root", .is_ca = true});
    authority_issue(&stranger, &(struct wish){.common_name = "Stranger", .is_ca = true});
    authority_issue(&between, &(struct wish){.common_name = "Between", .is_ca = true, .issuer = &root});
    authority_issue(&rsa_root,
                    &(struct wish){.key = GNUTLS_PK_RSA, .bits = 2048, .common_name = "RSA root", .is_ca = true});
    if (certificate_trust_create(&trust, &problem) < 0 || certificate_trust_add(trust, issued_der(&root)) < 0) {
        return -1;
    }
    return certificate_trust_add(trust, issued_der(&rsa_root));
}

static int tear_down(void **state)
{
    (void)state;
    certificate_trust_destroy(trust);
    authority_free(&root);
    authority_free(&stranger);
    authority_free(&between);
    authority_free(&rsa_root);
    return 0;
}

static void learn(struct facts *facts, struct span first, const struct issued *second,
                  const struct certificate_host *host)
{
    struct certificate_chain chain = {.items = {first}, .count = 1};

    if (second != NULL) {
        chain.items[chain.count++] = issued_der(second);
    }
    facts_clear(facts);
    certificate_facts(trust, &chain, host, AUTHORITY_NOW_S, facts);
}

/* The facts of a certificate as wished, shown with `second` behind it. */
static void learn_wish(struct facts *facts, const struct wish *wish, const struct issued *second,
                       const struct certificate_host *host)
{
    struct issued issued;

    authority_issue(&issued, wish);
    learn(facts, issued_der(&issued), second, host);
    authority_free(&issued);
}

static void judges_the_chain(void **state)
{
    const int64_t day_s = AUTHORITY_DAY_S;
    struct issued old;
    struct issued unfit;
    const struct {
        struct wish wish;
        const struct issued *second;
        const char *verdict;
    } cases[] = {
        {{.issuer = &root}, NULL, "trusted"},
        {{.issuer = &root}, &stranger, "trusted"},
        {{.issuer = &between}, &between, "trusted"},
        {{.issuer = &between}, NULL, "unknown-issuer"},
        {{.issuer = &stranger}, &stranger, "unknown-issuer"},
        {{.issuer = &stranger}, NULL, "unknown-issuer"},
        {{.common_name = "www.example"}, NULL, "self-signed"},
        {{.common_name = "ca", .is_ca = true}, NULL, "self-signed"},
        {{.issuer = &root, .ends_s = AUTHORITY_NOW_S - 60}, NULL, "expired"},
        {{.issuer = &root, .begins_s = AUTHORITY_NOW_S + 60}, NULL, "not-yet-valid"},
        {{.issuer = &stranger, .ends_s = AUTHORITY_NOW_S - 60}, &stranger, "unknown-issuer"},
        {{.common_name = "x", .ends_s = AUTHORITY_NOW_S - 60}, NULL, "self-signed"},
        {{.issuer = &old}, &old, "expired"},
        {{.issuer = &unfit}, &unfit, "bad"},
        {{.issuer = &root, .for_clients = true}, NULL, "bad"},
    };

    (void)state;
    authority_issue(&old, &(struct wish){.common_name = "Old",
                                         .is_ca = true,
                                         .issuer = &root,
                                         .begins_s = AUTHORITY_NOW_S - 9 * day_s,
                                         .ends_s = AUTHORITY_NOW_S - day_s});
    authority_issue(&unfit, &(struct wish){.common_name = "Unfit", .issuer = &root});
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct facts facts = {0};
        learn_wish(&facts, &cases[i].wish, cases[i].second, &web);
        assert_string_equal(facts_text(&facts, "cert.verdict"), cases[i].verdict);
        assert_false(facts_truth(&facts, "cert.weak", true));
    }
    authority_free(&old);
    authority_free(&unfit);
}

/* The last bytes of a certificate are its signature. */
static void finds_a_wrong_signature(void **state)
{
    struct issued issued;
    struct facts facts = {0};
    uint8_t forged[2048];

    (void)state;
    authority_issue(&issued, &(struct wish){.common_name = "www.example", .issuer = &root});
    memcpy(forged, issued.der.data, issued.der.size);
    forged[issued.der.size - 1] ^= 1;
    learn(&facts, (struct span){forged, issued.der.size}, NULL, &web);
    assert_string_equal(facts_text(&facts, "cert.verdict"), "bad");
    learn(&facts, issued_der(&root), NULL, &web);
    assert_string_equal(facts_text(&facts, "cert.verdict"), "trusted");
    memcpy(forged, stranger.der.data, stranger.der.size);
    forged[stranger.der.size - 1] ^= 1;
    learn(&facts, (struct span){forged, stranger.der.size}, NULL, &web);
    assert_string_not_equal(facts_text(&facts, "cert.verdict"), "self-signed");
    authority_free(&issued);
}

static void weighs_keys_and_signatures(void **state)
{
    const struct {
        struct wish wish;
        const char *key;
        int64_t bits;
        const char *signature;
        bool weak;
        const char *verdict;
    } cases[] = {
        {{.key = GNUTLS_PK_RSA, .bits = 1024, .issuer = &root}, "RSA", 1024, "EdDSA-Ed25519", true, "trusted"},
        {{.key = GNUTLS_PK_RSA, .bits = 2048, .issuer = &root}, "RSA", 2048, "EdDSA-Ed25519", false, "trusted"},
        {{.key = GNUTLS_PK_RSA_PSS, .bits = 2048, .issuer = &root}, "RSA-PSS", 2048, "EdDSA-Ed25519", false, "trusted"},
        {{.key = GNUTLS_PK_DSA, .bits = 1024, .issuer = &root}, "DSA", 1024, "EdDSA-Ed25519", true, "trusted"},
        {{.key = GNUTLS_PK_ECDSA, .bits = 256, .issuer = &root}, "ECDSA", 256, "EdDSA-Ed25519", false, "trusted"},
        {{.key = GNUTLS_PK_ECDSA, .bits = 192, .issuer = &root}, "ECDSA", 192, "EdDSA-Ed25519", true, "trusted"},
        {{.key = GNUTLS_PK_EDDSA_ED448, .issuer = &root}, "Ed448", 456, "EdDSA-Ed25519", false, "trusted"},
        {{.issuer = &rsa_root}, "Ed25519", 256, "RSA-SHA256", false, "trusted"},
        {{.issuer = &rsa_root, .digest = GNUTLS_DIG_SHA1}, "Ed25519", 256, "RSA-SHA1", true, "bad"},
        {{.issuer = &rsa_root, .digest = GNUTLS_DIG_MD5}, "Ed25519", 256, "RSA-MD5", true, "bad"},
        {{.common_name = "old", .key = GNUTLS_PK_RSA, .bits = 2048, .digest = GNUTLS_DIG_SHA1},
         "RSA",
         2048,
         "RSA-SHA1",
         false,
         "self-signed"},
        {{.common_name = "old", .key = GNUTLS_PK_RSA, .bits = 2048, .digest = GNUTLS_DIG_MD5},
         "RSA",
         2048,
         "RSA-MD5",
         false,
         "self-signed"},
        {{.common_name = "ec", .key = GNUTLS_PK_ECDSA, .bits = 384, .digest = GNUTLS_DIG_SHA384},
         "ECDSA",
         384,
         "ECDSA-SHA384",
         false,
         "self-signed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct facts facts = {0};
        learn_wish(&facts, &cases[i].wish, NULL, &web);
        assert_string_equal(facts_text(&facts, "cert.key"), cases[i].key);
        assert_int_equal(facts_number(&facts, "cert.key_bits", 0), cases[i].bits);
        assert_string_equal(facts_text(&facts, "cert.signature"), cases[i].signature);
        assert_int_equal(facts_truth(&facts, "cert.weak", !cases[i].weak), cases[i].weak);
        assert_string_equal(facts_text(&facts, "cert.verdict"), cases[i].verdict);
    }
}

static void reads_names(void **state)
{
    const struct certificate_host by_address = {.address = "192.0.2.1"};
    const struct certificate_host by_other = {.address = "2001:db8::1"};
    const struct certificate_host inner = {.name = "www.in.example"};
    const struct certificate_host nobody = {NULL, NULL};
    const struct {
        struct wish wish;
        const struct certificate_host *host;
        const char *names;
        int mismatch; /* -1: unknown */
    } cases[] = {
        {{.common_name = "www.example"}, &web, "www.example", 0},
        {{.common_name = "mail.example"}, &web, "mail.example", 1},
        {{.common_name = "www.example", .dns = {"a.example", "b.example"}}, &web, "a.example b.example", 1},
        {{.dns = {"a.example", "*.in.example"}}, &inner, "a.example *.in.example", 0},
        {{.dns = {"*.in.example"}}, &web, "*.in.example", 1},
        {{.dns = {"WWW.Example"}}, &web, "WWW.Example", 0},
        {{.dns = {"a.example"}, .address = "\xc0\x00\x02\x01"}, &web, "a.example 192.0.2.1", 1},
        {{.dns = {"a.example"}, .address = "\xc0\x00\x02\x01"}, &by_address, "a.example 192.0.2.1", 0},
        {{.dns = {"a.example"}, .address = "\xc0\x00\x02\x02"}, &by_address, "a.example 192.0.2.2", 1},
        {{.dns = {"a.example"}, .address = "\xc0\x00\x02\x02"}, &by_other, "a.example 192.0.2.2", 1},
        {{.dns = {"www.example"}}, &by_address, "www.example", -1},
        {{.dns = {"www.example"}}, &nobody, "www.example", -1},
        {{.dns = {"a b", "<script>"}}, &web, "a\\20b <script>", 1},
        {{.common_name = NULL}, &web, NULL, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct facts facts = {0};
        struct wish wish = cases[i].wish;
        wish.issuer = &root;
        learn_wish(&facts, &wish, NULL, cases[i].host);
        if (cases[i].names == NULL) {
            assert_null(facts_text(&facts, "cert.names"));
        } else {
            assert_string_equal(facts_text(&facts, "cert.names"), cases[i].names);
        }
        assert_int_equal(facts_find(&facts, "cert.name_mismatch") != NULL, cases[i].mismatch >= 0);
        assert_int_equal(facts_truth(&facts, "cert.name_mismatch", false), cases[i].mismatch == 1);
    }
}

static void a_nul_ends_no_name(void **state)
{
    struct issued issued;
    struct facts facts = {0};
    uint8_t *found;

    (void)state;
    authority_issue(&issued, &(struct wish){.dns = {"www.example.evil.example"}, .issuer = &root});
    found = memmem(issued.der.data, issued.der.size, "www.example.evil", 16);
    assert_non_null(found);
    found[11] = '\0';
    learn(&facts, issued_der(&issued), NULL, &web);
    assert_string_equal(facts_text(&facts, "cert.names"), "www.example\\x00evil.example");
    assert_true(facts_truth(&facts, "cert.name_mismatch", false));
    authority_free(&issued);
}

static void names_holder_and_issuer(void **state)
{
    struct facts facts = {0};

    (void)state;
    learn_wish(&facts, &(struct wish){.common_name = "a, \"b\"\x1b", .issuer = &root}, NULL, &web);
    assert_string_equal(facts_text(&facts, "cert.subject"), "CN=a\\, \\\"b\\\"\\x1B");
    assert_string_equal(facts_text(&facts, "cert.issuer"), "CN=Root");
    assert_int_equal(strlen(facts_text(&facts, "cert.sha256")), 64);
}

static void counts_days(void **state)
{
    const int64_t day_s = AUTHORITY_DAY_S;
    const struct {
        int64_t ends_s;
        int64_t days;
    } cases[] = {
        {AUTHORITY_NOW_S, 0},
        {AUTHORITY_NOW_S + 1, 0},
        {AUTHORITY_NOW_S + day_s, 1},
        {AUTHORITY_NOW_S - 1, -1},
        {AUTHORITY_NOW_S - day_s, -1},
        {AUTHORITY_NOW_S - day_s - 1, -2},
        {INT64_C(4102444800), 26648},     /* 2100: another encoding of time */
        {INT64_C(253370764800), 2911698}, /* 9999-01-01 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct facts facts = {0};
        learn_wish(&facts, &(struct wish){.ends_s = cases[i].ends_s, .begins_s = 1000000000}, NULL, &web);
        assert_int_equal(facts_number(&facts, "cert.days_left", 999), cases[i].days);
        assert_int_equal(facts_number(&facts, "cert.not_after", 0), cases[i].ends_s);
        assert_int_equal(facts_number(&facts, "cert.not_before", 0), 1000000000);
    }
}

/* RFC 5280, section 4.1.2.5: 99991231235959Z is no well-defined end. */
static void an_end_without_date_is_the_last_day(void **state)
{
    struct facts facts = {0};

    (void)state;
    learn_wish(&facts, &(struct wish){.ends_s = (int64_t)GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION, .issuer = &root}, NULL,
               &web);
    assert_int_equal(facts_number(&facts, "cert.not_after", 0), INT64_C(253402300799));
    assert_string_equal(facts_text(&facts, "cert.verdict"), "trusted");
}

static void nothing_shown_is_no_fact(void **state)
{
    const struct certificate_chain none = {.count = 0};
    struct facts facts = {0};

    (void)state;
    certificate_facts(trust, &none, &web, AUTHORITY_NOW_S, &facts);
    assert_int_equal(facts.count, 0);
    learn(&facts, SPAN_OF("no certificate"), NULL, &web);
    assert_string_equal(facts_text(&facts, "cert.verdict"), "bad");
    assert_int_equal(facts.count, 2);
}

/* A key whose modulus and exponent are as long as they like, in a certificate that is right otherwise. */
static void issue_with_key(struct issued *issued, size_t modulus_size, size_t exponent_size)
{
    uint8_t *bytes = malloc(modulus_size + exponent_size);
    gnutls_pubkey_t key;
    gnutls_datum_t modulus = {bytes, (unsigned int)modulus_size};
    gnutls_datum_t exponent = {bytes + modulus_size, (unsigned int)exponent_size};

    assert_non_null(bytes);
    memset(bytes, 0xff, modulus_size + exponent_size);
    authority_issue(issued, &(struct wish){.key = GNUTLS_PK_RSA, .bits = 1024, .common_name = "huge", .issuer = &root});
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import_rsa_raw(key, &modulus, &exponent), 0);
    assert_int_equal(gnutls_x509_crt_set_pubkey(issued->certificate, key), 0);
    assert_int_equal(gnutls_x509_crt_sign2(issued->certificate, root.certificate, root.key, GNUTLS_DIG_SHA512, 0), 0);
    gnutls_free(issued->der.data);
    assert_int_equal(gnutls_x509_crt_export2(issued->certificate, GNUTLS_X509_FMT_DER, &issued->der), 0);
    gnutls_pubkey_deinit(key);
    free(bytes);
}

static void bears_no_key_without_measure(void **state)
{
    const struct {
        size_t modulus_size;
        size_t exponent_size;
        bool bearable;
    } cases[] = {{512, 3, true},  {2048, 8, true},   {2049, 3, false},
                 {512, 9, false}, {30000, 3, false}, {40000, 3, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct issued issued;
        struct facts facts = {0};
        issue_with_key(&issued, cases[i].modulus_size, cases[i].exponent_size);
        assert_int_equal(certificate_is_bearable(issued_der(&issued)), cases[i].bearable);
        learn(&facts, issued_der(&issued), NULL, &web);
        assert_string_equal(facts_text(&facts, "cert.verdict"), cases[i].bearable ? "trusted" : "bad");
        learn(&facts, issued_der(&root), &issued, &web);
        authority_free(&issued);
    }
}

/* Each byte changed in two ways, and each beginning: whatever that says, it is within what facts may say. */
static void bears_every_mutation(void **state)
{
    static const uint8_t flips[] = {0x01, 0xff};
    struct issued issued;

    (void)state;
    authority_issue(&issued, &(struct wish){.common_name = "www.example",
                                            .dns = {"a.example", "b.example"},
                                            .address = "\x0a\x00\x00\x01",
                                            .issuer = &between});
    for (size_t i = 0; i < issued.der.size; i++) {
        for (size_t k = 0; k < sizeof(flips); k++) {
            struct facts facts = {0};
            issued.der.data[i] ^= flips[k];
            learn(&facts, issued_der(&issued), &between, &web);
            issued.der.data[i] ^= flips[k];
            assert_non_null(facts_text(&facts, "cert.sha256"));
            assert_string_not_equal(facts_text(&facts, "cert.verdict"), "trusted");
        }
    }
    for (size_t size = 0; size < issued.der.size; size++) {
        struct facts facts = {0};
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut + 1, issued.der.data, size);
        learn(&facts, (struct span){cut + 1, size}, &between, &web);
        assert_string_equal(facts_text(&facts, "cert.verdict"), "bad");
        free(cut);
    }
    authority_free(&issued);
}

/* More names than are told: those that are told are whole. */
static void many_names_are_cut_between_names(void **state)
{
    enum { NAMES = 600 };
    struct issued issued;
    struct facts facts = {0};
    const char *names;

    (void)state;
    authority_issue(&issued, &(struct wish){.issuer = &root});
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        int size = snprintf(name, sizeof(name), "host%03d.example", i);
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(issued.certificate, GNUTLS_SAN_DNSNAME, name,
                                                              (unsigned int)size, GNUTLS_FSAN_APPEND),
                         0);
    }
    assert_int_equal(gnutls_x509_crt_sign2(issued.certificate, root.certificate, root.key, GNUTLS_DIG_SHA512, 0), 0);
    gnutls_free(issued.der.data);
    assert_int_equal(gnutls_x509_crt_export2(issued.certificate, GNUTLS_X509_FMT_DER, &issued.der), 0);
    learn(&facts, issued_der(&issued), NULL, &(struct certificate_host){.name = "host599.example"});
    names = facts_text(&facts, "cert.names");
    assert_int_equal(strlen(names), 511);
    assert_string_equal(names + strlen(names) - 15, "host031.example");
    assert_false(facts_truth(&facts, "cert.name_mismatch", true));
    authority_free(&issued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_the_chain),
        cmocka_unit_test(finds_a_wrong_signature),
        cmocka_unit_test(weighs_keys_and_signatures),
        cmocka_unit_test(reads_names),
        cmocka_unit_test(a_nul_ends_no_name),
        cmocka_unit_test(names_holder_and_issuer),
        cmocka_unit_test(counts_days),
        cmocka_unit_test(an_end_without_date_is_the_last_day),
        cmocka_unit_test(nothing_shown_is_no_fact),
        cmocka_unit_test(bears_no_key_without_measure),
        cmocka_unit_test(bears_every_mutation),
        cmocka_unit_test(many_names_are_cut_between_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
