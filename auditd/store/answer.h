/* What answers on endpoints: facts, which are intervals, the evidence, certificates. */
#ifndef LEASTPORT_AUDITD_STORE_ANSWER_H
#define LEASTPORT_AUDITD_STORE_ANSWER_H

#include "auditd/store/endpoint.h"

struct store_fact {
    const char *name;  /* one of lib/fact.h's */
    const char *value; /* as the table endpoint_fact has it */
};

/* Text is borrowed for the call. */
struct store_answer {
    const struct store_fact *facts; /* ascending by name */
    size_t fact_count;
    const char *evidence; /* JSON */
    int64_t at_ms;
    int64_t scan_id;
};

/* For so long what answered is believed although an inquiry got no word out of it. */
static const int64_t STORE_ANSWER_PATIENCE_MS = INT64_C(7) * 24 * 3600 * 1000;

/* What answers there from now on. One inquiry that got no word (silent, closes, resets, takes no data) takes nothing
 * from what had answered before, as it may have been busy, or weary of us: only after STORE_ANSWER_PATIENCE_MS without
 * one. The endpoint's certificate is the one of its fact "cert.sha256", if that is stored. -ENOENT when the endpoint
 * was never seen open. */
MUST_USE int store_answer_put(struct store *store, const struct store_endpoint_key *key,
                              const struct store_answer *answer);

/* Text is borrowed for the call; "" where it is not known. Times are milliseconds since 1970. */
struct store_certificate {
    const char *sha256;
    const uint8_t *der;
    size_t der_size;
    const char *subject;
    const char *issuer;
    const char *names;
    int64_t not_before; /* INT64_MIN: not known */
    int64_t not_after;
    const char *key;
    int64_t key_bits; /* 0: not known */
    const char *signature;
    int64_t at_ms;
};

/* Stores it when it is not stored yet. */
MUST_USE int store_certificate_put(struct store *store, const struct store_certificate *certificate);

/* Which ports of living assets of the realm serve the page with that digest and are open, by asset, protocol and port:
 * all, or none where too many endpoints share it (a page that everybody has tells nothing). The caller frees
 * *ret_pages. */
MUST_USE int store_answer_pages(struct store *store, int64_t realm_id, const char *sha256,
                                struct store_port **ret_pages, size_t *ret_count);

/* Whether what answers at one of the open ports of the asset (0: of any), as the vantage (0: whichever) sees it, is a
 * host of which every port accepts.
 */
MUST_USE int store_answer_is_every_port(struct store *store, int64_t asset_id, int64_t vantage_id, bool *ret_is);

/* What is known of an endpoint now, ascending by name. */
struct store_facts {
    struct store_fact *items; /* owned, as are the texts */
    size_t count;
};

/* The caller owns *ret_facts: store_facts_done(). */
MUST_USE int store_answer_facts(struct store *store, int64_t endpoint_id, struct store_facts *ret_facts);
void store_facts_done(struct store_facts *facts);
/* The value, or NULL. */
const char *store_facts_get(const struct store_facts *facts, const char *name);

#endif
