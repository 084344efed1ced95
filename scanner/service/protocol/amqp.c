/* AMQP 0-9-1: the protocol header, and the server's Connection.Start (AMQP 0-9-1 specification, sections 2.2.4, 4.2.2
 * and 4.2.5; RabbitMQ's errata for the types of its tables). A server of another version answers with its own header
 * and closes. The handshake ends there: what would come next is a login. */
#include "scanner/service/protocol/all.h"

enum { FRAME_METHOD = 1, FRAME_END = 0xce, FRAME_HEAD_SIZE = 7, FRAME_MAX = 32768, CONNECTION = 10, START = 10 };

static enum protocol_match match_frame(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t type = wire_u8(&reader);
    uint16_t channel = wire_u16(&reader);
    uint32_t size = wire_u32(&reader);

    if (type != FRAME_METHOD || channel != 0 || (!reader.failed && (size < 8 || size > FRAME_MAX))) {
        return PROTOCOL_NO;
    }
    if (reader.rest.size < 4) {
        return PROTOCOL_MAYBE;
    }
    return wire_u32(&reader) == ((uint32_t)CONNECTION << 16 | START) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum protocol_match recognise(struct span bytes)
{
    const struct span sign = SPAN_OF("AMQP");

    if (bytes.size == 0) {
        return PROTOCOL_MAYBE;
    }
    if (bytes.bytes[0] != 'A') {
        return match_frame(bytes);
    }
    if (bytes.size < 8) {
        return span_starts(sign, bytes) || span_starts(bytes, sign) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) && bytes.bytes[4] <= 3 && bytes.bytes[5] <= 1 ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("AMQP\0\0\x09\x01"));
}

/* A value of a table; what is returned is the content of those that have a length. */
static struct span read_field(struct wire_reader *reader, uint8_t type)
{
    switch (type) {
    case 't':
    case 'b':
    case 'B':
        return wire_bytes(reader, 1);
    case 's':
    case 'u':
    case 'U':
        return wire_bytes(reader, 2);
    case 'i':
    case 'I':
    case 'f':
        return wire_bytes(reader, 4);
    case 'D':
        return wire_bytes(reader, 5);
    case 'd':
    case 'l':
    case 'L':
    case 'T':
        return wire_bytes(reader, 8);
    case 'V':
        return wire_bytes(reader, 0);
    case 'S':
    case 'A':
    case 'F':
    case 'x':
        return wire_bytes(reader, wire_u32(reader));
    default:
        return wire_bytes(reader, SIZE_MAX);
    }
}

static void learn_properties(struct dialogue *dialogue, struct span table)
{
    struct wire_reader reader = wire_reader_of(table);

    while (reader.rest.size > 0) {
        struct span name = wire_bytes(&reader, wire_u8(&reader));
        uint8_t type = wire_u8(&reader);
        struct span value = read_field(&reader, type);
        if (reader.failed) {
            return;
        }
        if (type != 'S') {
            continue;
        }
        if (span_equal(name, SPAN_OF("product"))) {
            facts_set_text(dialogue->facts, "product", value);
        } else if (span_equal(name, SPAN_OF("version"))) {
            facts_set_text(dialogue->facts, "version", value);
        } else if (span_equal(name, SPAN_OF("cluster_name"))) {
            /* "rabbit@host" */
            ptrdiff_t at = span_find(value, SPAN_OF("@"));
            facts_set_text(dialogue->facts, "hostname", span_from(value, (size_t)(at + 1)));
        }
    }
}

static enum dialogue_next hear_start(struct dialogue *dialogue, struct span arguments)
{
    struct wire_reader reader = wire_reader_of(arguments);

    wire_skip(&reader, 2 + 2 + 1 + 1); /* class, method, the version's two numbers */
    learn_properties(dialogue, wire_bytes(&reader, wire_u32(&reader)));
    facts_set_text(dialogue->facts, "auth.methods", wire_bytes(&reader, wire_u32(&reader)));
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    struct span arguments;

    if (match == PROTOCOL_NO) {
        return DIALOGUE_FOREIGN;
    }
    if (match == PROTOCOL_MAYBE) {
        return DIALOGUE_WAIT;
    }
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (dialogue->in.bytes[0] == 'A') {
        return DIALOGUE_DONE;
    }
    wire_skip(&reader, 3);
    arguments = wire_bytes(&reader, wire_u32(&reader));
    if (wire_u8(&reader) != FRAME_END || reader.failed) {
        return reader.failed ? DIALOGUE_WAIT : DIALOGUE_DONE;
    }
    return hear_start(dialogue, arguments);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_amqp = {
    .name = "amqp",
    .ports = "5672",
    .tls_ports = "5671",
    .rank = 15,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
