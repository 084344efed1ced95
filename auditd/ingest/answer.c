#include "auditd/ingest/answer.h"

#include "auditd/store/answer.h"
#include "lib/clock.h"
#include "lib/fact.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 24, SHA256_TEXT_SIZE = 2 * crypto_hash_sha256_BYTES + 1 };

/* The facts of a line as the store takes them. */
struct answer_facts {
    struct store_fact items[OBSERVATION_FACTS_MAX];
    char numbers[OBSERVATION_FACTS_MAX][NUMBER_SIZE];
    size_t count;
};

/* It follows from another and from the day. */
static bool is_kept(const char *name)
{
    return strcmp(name, "cert.days_left") != 0;
}

static void answer_add(struct answer_facts *facts, const char *name, const json_t *value)
{
    struct store_fact *fact = &facts->items[facts->count];

    fact->name = name;
    if (json_is_string(value)) {
        fact->value = json_string_value(value);
    } else if (json_is_boolean(value)) {
        fact->value = json_is_true(value) ? "true" : "false";
    } else {
        snprintf(facts->numbers[facts->count], NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        fact->value = facts->numbers[facts->count];
    }
    facts->count++;
}

/* In the order of their names, which is that of the kinds. */
static void answer_collect(struct answer_facts *facts, const json_t *object)
{
    size_t count;
    const struct fact_kind *kinds = fact_kinds(&count);

    facts->count = 0;
    for (size_t i = 0; i < count && facts->count < OBSERVATION_FACTS_MAX; i++) {
        const json_t *value = json_object_get(object, kinds[i].name);
        if (value != NULL && is_kept(kinds[i].name)) {
            answer_add(facts, kinds[i].name, value);
        }
    }
}

int ingest_answer(struct store *store, const struct store_endpoint_key *key, const struct observation *line,
                  int64_t scan_id)
{
    struct answer_facts facts;
    char *evidence = json_dumps(line->service.evidence, JSON_COMPACT);
    struct store_answer answer = {.facts = facts.items, .evidence = evidence, .at_ms = line->ts_ms, .scan_id = scan_id};
    int rc;

    if (evidence == NULL) {
        return -ENOMEM;
    }
    answer_collect(&facts, line->service.facts);
    answer.fact_count = facts.count;
    rc = store_answer_put(store, key, &answer);
    free(evidence);
    return rc;
}

static const char *text_of(const json_t *facts, const char *name)
{
    const char *text = json_string_value(json_object_get(facts, name));

    return text == NULL ? "" : text;
}

static int64_t time_of(const json_t *facts, const char *name)
{
    const char *text = json_string_value(json_object_get(facts, name));
    int64_t ms;

    return text == NULL || wall_parse(text, &ms) < 0 ? INT64_MIN : ms;
}

/* The fingerprint is that of the bytes, whatever the line says. */
static bool is_of(const uint8_t *der, size_t size, const char *sha256)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[SHA256_TEXT_SIZE];

    crypto_hash_sha256(hash, der, size);
    return strcmp(sodium_bin2hex(text, sizeof(text), hash, sizeof(hash)), sha256) == 0;
}

static int store_der(struct store *store, const struct observation *line, const uint8_t *der, size_t size)
{
    const json_t *facts = line->certificate.facts;
    const struct store_certificate certificate = {
        .sha256 = text_of(facts, "cert.sha256"),
        .der = der,
        .der_size = size,
        .subject = text_of(facts, "cert.subject"),
        .issuer = text_of(facts, "cert.issuer"),
        .names = text_of(facts, "cert.names"),
        .not_before = time_of(facts, "cert.not_before"),
        .not_after = time_of(facts, "cert.not_after"),
        .key = text_of(facts, "cert.key"),
        .key_bits = json_integer_value(json_object_get(facts, "cert.key_bits")),
        .signature = text_of(facts, "cert.signature"),
        .at_ms = line->ts_ms,
    };

    return store_certificate_put(store, &certificate);
}

int ingest_answer_certificate(struct store *store, const struct observation *line, char *ret_reason)
{
    const struct observation_certificate *certificate = &line->certificate;
    uint8_t *der = malloc(certificate->der_length + 1);
    size_t size;
    int rc;

    if (der == NULL) {
        return -ENOMEM;
    }
    if (sodium_base642bin(der, certificate->der_length + 1, certificate->der, certificate->der_length, NULL, &size,
                          NULL, sodium_base64_VARIANT_ORIGINAL) < 0) {
        snprintf(ret_reason, OBSERVATION_REASON_SIZE, "\"der\" is no base64");
        rc = -EBADMSG;
    } else if (!is_of(der, size, text_of(certificate->facts, "cert.sha256"))) {
        snprintf(ret_reason, OBSERVATION_REASON_SIZE, "its bytes have another fingerprint than \"cert.sha256\" says");
        rc = -EBADMSG;
    } else {
        rc = store_der(store, line, der, size);
    }
    free(der);
    return rc;
}
