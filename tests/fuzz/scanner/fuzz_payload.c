/* Answers to UDP payloads. The first byte chooses the port, the second where the cookie is put into the rest, which is
 * the answer: a fuzzer cannot guess it. */
#include "scanner/packet/payload.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t hash = UINT64_C(0x7d81c05a3be92f46);

/* With `at` within the answer the cookie stands there. */
static enum payload_verdict judge(const struct payload *asked, const uint8_t *bytes, size_t length, size_t at)
{
    uint8_t *copy = malloc(length + 1);
    uint8_t cookie[PAYLOAD_COOKIE_MAX];
    const struct payload *payload;
    enum payload_verdict verdict;

    assert(copy != NULL);
    memcpy(copy + 1, bytes, length); /* ends where its memory ends */
    payload_cookie(asked, hash, cookie);
    if (at < length && length - at >= asked->cookie_size) {
        memcpy(copy + 1 + at, cookie, asked->cookie_size);
    }
    verdict = payload_judge(asked->port, hash, copy + 1, length, &payload);
    assert((verdict == PAYLOAD_FOREIGN) == (payload == &payload_none));
    if (verdict == PAYLOAD_PROVEN) {
        payload_cookie(payload, hash, cookie);
        assert(payload->port == asked->port && payload->cookie_size > 0);
        /* CoAP's empty messages bring back two bytes of it, everything else brings back all. */
        assert(memmem(copy + 1, length, cookie, payload->cookie_size) != NULL ||
               memmem(copy + 1, length, cookie, 2) != NULL || memmem(copy + 1, length, cookie + 2, 4) != NULL);
    }
    free(copy);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct payload *asked;

    if (size < 2) {
        return 0;
    }
    asked = &payload_table[data[0] % payload_table_size];
    (void)judge(asked, data + 2, size - 2, data[1]);
    (void)payload_may_be(asked->port, hash, data + 2, size - 2);
    return 0;
}
