#include "scanner/packet/payload_judge.h"

#include "scanner/packet/wire.h"

#include <string.h>

/* The cookie's verdict, once the answer is known to be of the protocol. `at` holds as many bytes as the cookie has. */
static enum payload_verdict compare(const struct payload *payload, const uint8_t *cookie, const uint8_t *at)
{
    return memcmp(at, cookie, payload->cookie_size) == 0 ? PAYLOAD_PROVEN : PAYLOAD_FORGED;
}

static bool begins(const uint8_t *bytes, size_t length, const char *text)
{
    size_t size = strlen(text);

    return length >= size && memcmp(bytes, text, size) == 0;
}

/* RFC 1035, section 4.1.1: a response (QR) to a standard query; RFC 1002, section 4.2.1.1, has the same header. */
enum payload_verdict payload_judge_dns(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    if (length < 12 || (bytes[2] & 0xf8) != 0x80) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes);
}

/* RFC 5905, section 7.3: a server's packet (mode 4), whose origin timestamp is our transmit timestamp. */
enum payload_verdict payload_judge_ntp(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    if (length < 48 || (bytes[0] & 0x07) != 4) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes + 24);
}

/* What is left of a BER encoding (ITU-T X.690, section 8.1). */
struct ber {
    const uint8_t *at;
    size_t left;
};

/* The length at the front of `ber`, in its short or its long form of up to two bytes; false when there is none such. */
static bool ber_length(struct ber *ber, size_t *ret_length)
{
    size_t extra;

    if (ber->left < 1) {
        return false;
    }
    extra = ber->at[0] > 0x80 ? (size_t)ber->at[0] - 0x80 : 0;
    if (extra > 2 || ber->left < 1 + extra || ber->at[0] == 0x80) {
        return false;
    }
    *ret_length = extra == 0 ? ber->at[0] : extra == 1 ? ber->at[1] : wire_get16(ber->at + 1);
    ber->at += 1 + extra;
    ber->left -= 1 + extra;
    return true;
}

/* Takes the next element, which has to have this tag; false and *ber as it was when it has not. */
static bool ber_take(struct ber *ber, uint8_t tag, struct ber *ret_content)
{
    struct ber rest = *ber;
    size_t length;

    if (rest.left < 1 || rest.at[0] != tag) {
        return false;
    }
    rest.at++;
    rest.left--;
    if (!ber_length(&rest, &length) || length > rest.left) {
        return false;
    }
    *ret_content = (struct ber){.at = rest.at, .left = length};
    *ber = (struct ber){.at = rest.at + length, .left = rest.left - length};
    return true;
}

enum { BER_INTEGER = 0x02, BER_OCTETS = 0x04, BER_SEQUENCE = 0x30 };

/* Our integers have four bytes: one of the question's own, which keeps them positive and of this length, and three of
 * the cookie. */
static enum payload_verdict compare_integer(const struct payload *payload, const uint8_t *cookie, struct ber integer)
{
    if (integer.left != 4 || integer.at[0] != payload->head[payload->cookie_at - 1]) {
        return PAYLOAD_FORGED;
    }
    return compare(payload, cookie, integer.at + 1);
}

/* RFC 3412, section 6 (version 3: msgID), and RFC 1157, section 4.1.4 (request-id of a GetResponse-PDU). */
enum payload_verdict payload_judge_snmp(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    struct ber input = {.at = bytes, .left = length};
    struct ber message;
    struct ber version;
    struct ber part;
    struct ber id;

    if (!ber_take(&input, BER_SEQUENCE, &message) || !ber_take(&message, BER_INTEGER, &version) || version.left != 1) {
        return PAYLOAD_FOREIGN;
    }
    if (version.at[0] == 3) {
        if (!ber_take(&message, BER_SEQUENCE, &part) || !ber_take(&part, BER_INTEGER, &id)) {
            return PAYLOAD_FOREIGN;
        }
    } else if (!ber_take(&message, BER_OCTETS, &part) || !ber_take(&message, 0xa2, &part) ||
               !ber_take(&part, BER_INTEGER, &id)) {
        return PAYLOAD_FOREIGN;
    }
    return compare_integer(payload, cookie, id);
}

/* memcached's protocol.txt, "UDP protocol": request id, sequence number, count, 0; then the text protocol's answer. */
enum payload_verdict payload_judge_memcached(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                             size_t length)
{
    if (length < 8 || wire_get16(bytes + 2) != 0 || wire_get16(bytes + 4) == 0 || wire_get16(bytes + 6) != 0) {
        return PAYLOAD_FOREIGN;
    }
    if (!begins(bytes + 8, length - 8, "VERSION ") && !begins(bytes + 8, length - 8, "ERROR") &&
        !begins(bytes + 8, length - 8, "SERVER_ERROR") && !begins(bytes + 8, length - 8, "CLIENT_ERROR")) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes);
}

/* UPnP Device Architecture 2.0, section 1.3.3. */
enum payload_verdict payload_judge_ssdp(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    (void)payload;
    (void)cookie;
    return begins(bytes, length, "HTTP/1.1 ") ? PAYLOAD_PLAUSIBLE : PAYLOAD_FOREIGN;
}

/* RFC 1350, section 5: DATA with the first block, or ERROR. */
enum payload_verdict payload_judge_tftp(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    (void)payload;
    (void)cookie;
    if (length < 4) {
        return PAYLOAD_FOREIGN;
    }
    if (wire_get16(bytes) == 3 && wire_get16(bytes + 2) == 1 && length <= 4 + 512) {
        return PAYLOAD_PLAUSIBLE;
    }
    return wire_get16(bytes) == 5 && length >= 5 && bytes[length - 1] == 0 ? PAYLOAD_PLAUSIBLE : PAYLOAD_FOREIGN;
}

/* RFC 3261, section 8.2.6.2: the response's Via is the request's, and with it the branch. */
enum payload_verdict payload_judge_sip(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    static const char branch[] = ";branch=z9hG4bK";
    uint8_t expected[sizeof(branch) - 1 + PAYLOAD_COOKIE_MAX];

    if (!begins(bytes, length, "SIP/2.0 ")) {
        return PAYLOAD_FOREIGN;
    }
    memcpy(expected, branch, sizeof(branch) - 1);
    memcpy(expected + sizeof(branch) - 1, cookie, payload->cookie_size);
    return memmem(bytes, length, expected, sizeof(branch) - 1 + payload->cookie_size) != NULL ? PAYLOAD_PROVEN
                                                                                              : PAYLOAD_FORGED;
}

/* RFC 7296, section 3.1: the initiator's SPI comes back, and a flag says that this is a response. Version 1 (RFC 2408,
 * section 3.1) has the same layout without such a flag. */
enum payload_verdict payload_judge_ike(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    size_t marker = payload->cookie_at;
    uint8_t major;

    if (length < marker + 28 || (marker == 4 && wire_get32(bytes) != 0)) {
        return PAYLOAD_FOREIGN;
    }
    major = bytes[marker + 17] >> 4;
    if ((major != 1 && major != 2) || (major == 2 && (bytes[marker + 19] & 0x20) == 0) ||
        wire_get32(bytes + marker + 24) > length - marker) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes + marker);
}

/* RFC 8489, section 5: a Binding success or error response with the magic cookie. */
enum payload_verdict payload_judge_stun(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    if (length < 20 || (wire_get16(bytes) != 0x0101 && wire_get16(bytes) != 0x0111) ||
        wire_get32(bytes + 4) != 0x2112a442) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes + 8);
}

/* RFC 9000, section 17.2.1: Version Negotiation, to the connection id that we gave as ours. */
enum payload_verdict payload_judge_quic(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    if (length < 7 || (bytes[0] & 0x80) == 0 || wire_get32(bytes + 1) != 0) {
        return PAYLOAD_FOREIGN;
    }
    if (bytes[5] != payload->cookie_size || length < 6 + (size_t)payload->cookie_size) {
        return PAYLOAD_FORGED;
    }
    return compare(payload, cookie, bytes + 6);
}

/* RFC 5531, section 9: a reply, accepted or denied. */
enum payload_verdict payload_judge_rpc(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                       size_t length)
{
    if (length < 12 || wire_get32(bytes + 4) != 1 || wire_get32(bytes + 8) > 1) {
        return PAYLOAD_FOREIGN;
    }
    return compare(payload, cookie, bytes);
}

/* RFC 4511, sections 4.1.1 and 4.5.2: an entry (0x64) or the end of the search (0x65). */
enum payload_verdict payload_judge_ldap(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    struct ber input = {.at = bytes, .left = length};
    struct ber message;
    struct ber result;
    struct ber id;

    if (!ber_take(&input, BER_SEQUENCE, &message) || !ber_take(&message, BER_INTEGER, &id) ||
        !(ber_take(&message, 0x64, &result) || ber_take(&message, 0x65, &result))) {
        return PAYLOAD_FOREIGN;
    }
    return compare_integer(payload, cookie, id);
}

/* RFC 7252, sections 3 and 5.3.2: an empty message answers by its message id, any other by its token. */
enum payload_verdict payload_judge_coap(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    size_t token;

    (void)payload;
    if (length < 4 || bytes[0] >> 6 != 1) {
        return PAYLOAD_FOREIGN;
    }
    token = bytes[0] & 0x0f;
    if (bytes[1] == 0) {
        return memcmp(bytes + 2, cookie, 2) == 0 ? PAYLOAD_PROVEN : PAYLOAD_FORGED;
    }
    if (token > 8 || length < 4 + token || bytes[1] >> 5 < 2 || bytes[1] >> 5 > 5) {
        return PAYLOAD_FOREIGN;
    }
    return token == 4 && memcmp(bytes + 4, cookie + 2, 4) == 0 ? PAYLOAD_PROVEN : PAYLOAD_FORGED;
}

/* ASF 2.0 (DMTF DSP0136), section 3.2.4: Presence Pong. Its tag has one byte, and one value of it asks for silence.
 */
enum payload_verdict payload_judge_rmcp(const struct payload *payload, const uint8_t *cookie, const uint8_t *bytes,
                                        size_t length)
{
    (void)cookie;
    if (length < 12 || bytes[0] != 6 || bytes[3] != 6 || wire_get32(bytes + 4) != 0x000011be || bytes[8] != 0x40) {
        return PAYLOAD_FOREIGN;
    }
    return bytes[9] == payload->head[9] ? PAYLOAD_PLAUSIBLE : PAYLOAD_FORGED;
}
