/* Certificates as a hostile server shows them: each behind its length as two bytes, the rest is the last. */
#include "scanner/service/certificate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/scanner/service/authority.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Trusts one authority, so that there is a way to trust that no input can find. */
static const struct certificate_trust *trust(void)
{
    static struct certificate_trust *made;
    struct problem problem;
    struct issued root;
    int rc;

    if (made == NULL) {
        rc = certificate_trust_create(&made, &problem);
        assert(rc == 0);
        authority_issue(&root, &(struct wish){.common_name = "Root", .is_ca = true});
        rc = certificate_trust_add(made, issued_der(&root));
        assert(rc == 0);
        authority_free(&root);
    }
    return made;
}

static void check(const struct facts *facts)
{
    const char *verdict = facts_text(facts, "cert.verdict");

    assert(verdict != NULL && strcmp(verdict, "trusted") != 0 && strcmp(verdict, "expired") != 0);
    assert(strlen(facts_text(facts, "cert.sha256")) == 64);
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->items[i].kind->type == FACT_TEXT) {
            assert(strlen(facts->items[i].text) <= FACTS_TEXT_MAX);
            fuzz_check_text(facts->items[i].text, strlen(facts->items[i].text));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct certificate_host hosts[] = {{.name = "www.example"}, {.address = "192.0.2.1"}};
    static struct facts facts;
    uint8_t *copy = malloc(size + 1);
    struct wire_reader reader;
    struct certificate_chain chain = {.count = 0};

    assert(copy != NULL);
    if (size > 0) {
        memcpy(copy + 1, data, size); /* ends where its memory ends */
    }
    reader = wire_reader_of((struct span){copy + 1, size});
    while (reader.rest.size >= 2 && chain.count < CERTIFICATE_CHAIN_MAX) {
        uint16_t length = wire_u16(&reader);
        chain.items[chain.count++] = wire_bytes(&reader, length < reader.rest.size ? length : reader.rest.size);
    }
    for (size_t i = 0; i < 2 && chain.count > 0; i++) {
        (void)certificate_is_bearable(chain.items[0]);
        facts_clear(&facts);
        certificate_facts(trust(), &chain, &hosts[i], AUTHORITY_NOW_S, &facts);
        check(&facts);
    }
    free(copy);
    return 0;
}
