#include "scanner/packet/payload.h"

#include "scanner/packet/wire.h"

#include <assert.h>
#include <string.h>

static enum payload_verdict judge_none(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    (void)payload;
    (void)cookie;
    (void)bytes;
    (void)length;
    return PAYLOAD_PLAUSIBLE;
}

const struct payload payload_none = {.service = "none", .head = (const uint8_t *)"", .judge = judge_none};

/* Where the port's rows begin, and how many there are. */
static size_t rows_of(uint16_t port, size_t *ret_count)
{
    size_t first = 0;
    size_t end = payload_table_size;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (payload_table[middle].port < port) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    while (end < payload_table_size && payload_table[end].port == port) {
        end++;
    }
    *ret_count = end - first;
    return first;
}

const struct payload *payload_for(uint16_t port, unsigned int variant)
{
    size_t count;
    size_t first = rows_of(port, &count);

    return count == 0 ? &payload_none : &payload_table[first + variant % count];
}

/* The hash's bytes, those of cookie_value() first, over and over. */
void payload_cookie(const struct payload *payload, uint64_t hash, uint8_t ret_cookie[PAYLOAD_COOKIE_MAX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[8];

    assert(payload->cookie_size <= PAYLOAD_COOKIE_MAX);
    wire_put32(bytes, (uint32_t)hash);
    wire_put32(bytes + 4, (uint32_t)(hash >> 32));
    for (size_t i = 0; i < payload->cookie_size; i++) {
        if (payload->cookie_is_hex) {
            ret_cookie[i] = (uint8_t)digits[bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0x0f];
        } else {
            ret_cookie[i] = bytes[i % sizeof(bytes)];
        }
    }
}

void payload_write(const struct payload *payload, uint64_t hash, uint8_t *buffer)
{
    uint8_t cookie[PAYLOAD_COOKIE_MAX];

    payload_cookie(payload, hash, cookie);
    memset(buffer, 0, payload->length);
    memcpy(buffer, payload->head, payload->head_length);
    memcpy(buffer + payload->cookie_at, cookie, payload->cookie_size);
}

enum payload_verdict payload_judge(uint16_t port, uint64_t hash, const uint8_t *bytes, size_t length,
                                   const struct payload **ret_payload)
{
    enum payload_verdict best = PAYLOAD_FOREIGN;
    uint8_t cookie[PAYLOAD_COOKIE_MAX];
    size_t count;
    size_t first = rows_of(port, &count);

    *ret_payload = &payload_none;
    if (count == 0) {
        return PAYLOAD_PLAUSIBLE;
    }
    for (size_t i = first; i < first + count; i++) {
        enum payload_verdict verdict;
        payload_cookie(&payload_table[i], hash, cookie);
        verdict = payload_table[i].judge(&payload_table[i], cookie, bytes, length);
        if (verdict > best) {
            best = verdict;
            *ret_payload = &payload_table[i];
        }
    }
    return best;
}

bool payload_may_be(uint16_t port, uint64_t hash, const uint8_t *bytes, size_t length)
{
    uint8_t cookie[PAYLOAD_COOKIE_MAX];
    size_t count;
    size_t first = rows_of(port, &count);

    for (size_t i = first; i < first + count; i++) {
        const struct payload *payload = &payload_table[i];
        payload_cookie(payload, hash, cookie);
        if (length < (size_t)payload->cookie_at + payload->cookie_size ||
            memcmp(bytes + payload->cookie_at, cookie, payload->cookie_size) == 0) {
            return true;
        }
    }
    return count == 0;
}
