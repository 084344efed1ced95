/* Apache Cassandra: the CQL binary protocol, version 4 (its specification, native_protocol_v4.spec, sections 2, 4.1.1
 * and 4.2): OPTIONS, which is answered before anything else, and STARTUP, which is answered by READY where nobody has
 * to show a credential, the door, and by AUTHENTICATE where one is wanted. */
#include "scanner/service/protocol/all.h"

enum { RESPONSE_FIRST = 0x83, RESPONSE_LAST = 0x86, HEADER_SIZE = 9, BODY_MAX = 32768, KEYS_MAX = 32 };
enum { OPCODE_ERROR = 0x00, OPCODE_READY = 0x02, OPCODE_AUTHENTICATE = 0x03, OPCODE_SUPPORTED = 0x06 };

enum step { ASKED_OPTIONS, ASKED_STARTUP };

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t version = wire_u8(&reader);
    uint16_t stream;
    uint8_t opcode;
    uint32_t size;

    if (bytes.size > 0 && (version < RESPONSE_FIRST || version > RESPONSE_LAST)) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, 1);
    stream = wire_u16(&reader);
    opcode = wire_u8(&reader);
    if (!reader.failed && (stream != 0 || (opcode != OPCODE_ERROR && opcode != OPCODE_READY &&
                                           opcode != OPCODE_AUTHENTICATE && opcode != OPCODE_SUPPORTED))) {
        return PROTOCOL_NO;
    }
    size = wire_u32(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return size <= BODY_MAX ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("\4\0\0\0\5\0\0\0\0"));
}

/* A map of lists: the versions of the protocol that there are, "3/v3, 4/v4, 5/v5-beta". */
static void learn_options(struct dialogue *dialogue, struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    uint16_t keys = wire_u16(&reader);

    for (size_t i = 0; i < keys && i < KEYS_MAX; i++) {
        struct span key = wire_bytes(&reader, wire_u16(&reader));
        uint16_t values = wire_u16(&reader);
        for (size_t j = 0; j < values && !reader.failed; j++) {
            struct span value = wire_bytes(&reader, wire_u16(&reader));
            if (!reader.failed && j == 0 && span_equal(key, SPAN_OF("CQL_VERSION"))) {
                uint8_t bytes[64];
                struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
                wire_put_text(&writer, "CQL ");
                wire_put(&writer, value);
                facts_set_text(dialogue->facts, "banner", wire_written(&writer));
            }
        }
    }
}

static enum dialogue_next hear_frame(struct dialogue *dialogue, uint8_t opcode, struct span body)
{
    dialogue->recognised = true;
    if (dialogue->step == ASKED_OPTIONS) {
        facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
        if (opcode != OPCODE_SUPPORTED) {
            return DIALOGUE_DONE;
        }
        learn_options(dialogue, body);
        if (!dialogue->target.doors) {
            return DIALOGUE_DONE;
        }
        dialogue->step = ASKED_STARTUP;
        dialogue_send(dialogue, SPAN_OF("\4\0\0\0\1\0\0\0\x16\0\1\0\x0b"
                                        "CQL_VERSION\0\5"
                                        "3.0.0"));
        return DIALOGUE_WAIT;
    }
    if (opcode == OPCODE_READY) {
        dialogue_open_door(dialogue, "STARTUP");
    } else if (opcode == OPCODE_AUTHENTICATE) {
        struct wire_reader reader = wire_reader_of(body);
        facts_set_string(dialogue->facts, "auth", "required");
        facts_set_text(dialogue->facts, "auth.methods", wire_bytes(&reader, wire_u16(&reader)));
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint8_t opcode;
    uint32_t size;
    struct span body;

    wire_skip(&reader, 4);
    opcode = wire_u8(&reader);
    size = wire_u32(&reader);
    body = wire_bytes(&reader, size);
    if (match == PROTOCOL_YES && !reader.failed) {
        dialogue_take(dialogue, HEADER_SIZE + (size_t)size);
        return hear_frame(dialogue, opcode, body);
    }
    return match == PROTOCOL_NO ? dialogue_end(dialogue) : DIALOGUE_WAIT;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_cassandra = {
    .name = "cassandra",
    .ports = "9042",
    .tls_ports = "9042,9142",
    .rank = 18,
    .delicate = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
