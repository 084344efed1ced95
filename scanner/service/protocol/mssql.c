/* Microsoft SQL Server: the PRELOGIN exchange of TDS (MS-TDS, sections 2.2.3.1 and 2.2.6.5). The version and whether
 * the server encrypts stand in its answer. Up to version 7.4 the handshake of its TLS is carried inside of
 * TDS packets (scanner/service/tds.h), which is gone through for the certificate, and no login follows; TDS 8.0 is TLS
 * from the first byte. */
#include "scanner/service/protocol/all.h"

#include <stdio.h>

enum { PACKET_PRELOGIN = 0x12, PACKET_ANSWER = 0x04, HEADER_SIZE = 8, ANSWER_MAX = 4096, STATUS_LAST = 0x01 };
enum { TOKEN_VERSION = 0, TOKEN_ENCRYPTION = 1, TOKEN_END = 0xff, TOKENS_MAX = 16 };
enum { ENCRYPT_OFF = 0, ENCRYPT_ON = 1, ENCRYPT_NOT_SUPPORTED = 2, ENCRYPT_REQUIRED = 3 };

static enum protocol_match recognise(struct span bytes)
{
    static const int expected[] = {PACKET_ANSWER, STATUS_LAST, -1, -1, -1, -1, -1, -1, TOKEN_VERSION, 0, -1, 0, 6};

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        if (i == bytes.size) {
            return PROTOCOL_MAYBE;
        }
        if (expected[i] >= 0 && bytes.bytes[i] != expected[i]) {
            return PROTOCOL_NO;
        }
    }
    return PROTOCOL_YES;
}

/* Our version 0; encryption of the login only, so that the answer shows whether the server wants more. */
static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("\x12\x01\x00\x1a\x00\x00\x00\x00"
                                    "\x00\x00\x0b\x00\x06"
                                    "\x01\x00\x11\x00\x01"
                                    "\xff"
                                    "\x00\x00\x00\x00\x00\x00"
                                    "\x00"));
}

static void learn_version(struct dialogue *dialogue, struct span data)
{
    struct wire_reader reader = wire_reader_of(data);
    unsigned int major = wire_u8(&reader);
    unsigned int minor = wire_u8(&reader);
    unsigned int build = wire_u16(&reader);
    char text[32];

    if (reader.failed || major == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%u.%u.%u", major, minor, build);
    facts_set_string(dialogue->facts, "product", "Microsoft SQL Server");
    facts_set_string(dialogue->facts, "version", text);
}

/* "Off" covers the login and nothing after it. */
static void learn_encryption(struct dialogue *dialogue, struct span data)
{
    uint8_t encryption = data.size > 0 ? data.bytes[0] : UINT8_MAX;
    bool required = encryption == ENCRYPT_ON || encryption == ENCRYPT_REQUIRED;

    if (encryption > ENCRYPT_REQUIRED) {
        return;
    }
    facts_set_truth(dialogue->facts, "starttls", encryption != ENCRYPT_NOT_SUPPORTED);
    facts_set_truth(dialogue->facts, "tls.required", required);
    if (!dialogue->secured) {
        facts_set_truth(dialogue->facts, "cleartext", !required);
    }
}

/* A token's offset is counted from the first token. */
static void read_tokens(struct dialogue *dialogue, struct span payload)
{
    struct wire_reader reader = wire_reader_of(payload);

    for (size_t i = 0; i < TOKENS_MAX; i++) {
        uint8_t token = wire_u8(&reader);
        uint16_t offset;
        uint16_t size;
        struct span data;
        if (reader.failed || token == TOKEN_END) {
            return;
        }
        offset = wire_u16(&reader);
        size = wire_u16(&reader);
        data = span_from(payload, offset);
        if (reader.failed || size > data.size) {
            return;
        }
        data.size = size;
        if (token == TOKEN_VERSION) {
            learn_version(dialogue, data);
        } else if (token == TOKEN_ENCRYPTION) {
            learn_encryption(dialogue, data);
        }
    }
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    enum protocol_match match = recognise(dialogue->in);
    uint16_t size;
    struct span payload;

    wire_skip(&reader, 2);
    size = wire_u16(&reader);
    wire_skip(&reader, 4);
    if (match == PROTOCOL_NO || (!reader.failed && (size < HEADER_SIZE || size > ANSWER_MAX))) {
        return DIALOGUE_FOREIGN;
    }
    payload = wire_bytes(&reader, (size_t)size - HEADER_SIZE);
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue->recognised = true;
    read_tokens(dialogue, payload);
    dialogue_take(dialogue, size);
    return !dialogue->secured && facts_truth(dialogue->facts, "starttls", false) ? DIALOGUE_SECURE : DIALOGUE_DONE;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    if (dialogue->recognised && (event == DIALOGUE_SECURED || event == DIALOGUE_UNSECURED)) {
        return DIALOGUE_DONE;
    }
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_mssql = {
    .name = "mssql",
    .ports = "1433,1434",
    .tls_ports = "1433",
    .rank = 9,
    .delicate = true,
    .frames_tls = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
