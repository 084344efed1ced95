/* SMB 2 and 3: the NEGOTIATE exchange (MS-SMB2, sections 2.1, 2.2.1.2, 2.2.3 and 2.2.4), which every session begins
 * with and which asks for no credential: the dialect, and whether messages must be signed. Then, on another connection,
 * whether the server still takes SMB 1 (MS-CIFS, section 2.2.4.52). */
#include "scanner/service/protocol/all.h"

#include <stdio.h>

enum { FRAME_HEAD_SIZE = 4, HEADER_SIZE = 64, HEADER_1_SIZE = 32, MESSAGE_MAX = 16384, NEGOTIATE_1 = 0x72 };
enum { SIGNING_ENABLED = 1, SIGNING_REQUIRED = 2, NO_DIALECT = 0xffff };

enum step { ASKED_2, ASKED_1 };

static const uint16_t dialects[] = {0x0202, 0x0210, 0x0300, 0x0302, 0x0311};

static enum protocol_match recognise(struct span bytes)
{
    static const uint8_t sign[] = {'S', 'M', 'B'};
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t type = wire_u8(&reader);
    uint32_t size = wire_u24(&reader);
    uint8_t generation = wire_u8(&reader);

    if (type != 0 || (bytes.size >= FRAME_HEAD_SIZE && (size < HEADER_1_SIZE || size > MESSAGE_MAX)) ||
        (!reader.failed && generation != 0xfe && generation != 0xff)) {
        return PROTOCOL_NO;
    }
    for (size_t i = 0; i < sizeof(sign) && i < reader.rest.size; i++) {
        if (reader.rest.bytes[i] != sign[i]) {
            return PROTOCOL_NO;
        }
    }
    return reader.rest.size >= sizeof(sign) ? PROTOCOL_YES : PROTOCOL_MAYBE;
}

/* 3.1.1 must be asked for with a way to hash the negotiation (section 2.2.3.1.1); its salt protects nothing here. */
static void put_hashing(struct wire_writer *writer)
{
    wire_put_u16_le(writer, 1);
    wire_put_u16_le(writer, 2 + 2 + 2 + 32);
    wire_put_u32_le(writer, 0);
    wire_put_u16_le(writer, 1);
    wire_put_u16_le(writer, 32);
    wire_put_u16_le(writer, 1); /* SHA-512 */
    wire_put_zeros(writer, 32);
}

static void put_negotiate(struct wire_writer *writer)
{
    const size_t count = sizeof(dialects) / sizeof(*dialects);
    const size_t dialects_end = HEADER_SIZE + 36 + 2 * count;
    const size_t padding = (8 - dialects_end % 8) % 8;

    wire_put(writer, SPAN_OF("\xfeSMB"));
    wire_put_u16_le(writer, HEADER_SIZE);
    wire_put_zeros(writer, 2 + 4 + 2); /* credit charge, status, the command NEGOTIATE */
    wire_put_u16_le(writer, 1);        /* a credit */
    wire_put_zeros(writer, 4 + 4 + 8 + 4 + 4 + 8 + 16);
    wire_put_u16_le(writer, 36);
    wire_put_u16_le(writer, (uint16_t)count);
    wire_put_u16_le(writer, SIGNING_ENABLED);
    wire_put_zeros(writer, 2 + 4);
    wire_put(writer, SPAN_OF("leastport-client")); /* the client's GUID: any 16 bytes */
    wire_put_u32_le(writer, (uint32_t)(dialects_end + padding));
    wire_put_u16_le(writer, 1);
    wire_put_zeros(writer, 2);
    for (size_t i = 0; i < count; i++) {
        wire_put_u16_le(writer, dialects[i]);
    }
    wire_put_zeros(writer, padding);
    put_hashing(writer);
}

/* Status, flags and signature 0; one dialect. */
static void put_negotiate_1(struct wire_writer *writer)
{
    wire_put(writer, SPAN_OF("\xffSMB\x72\0\0\0\0\x18\x01\x48"));
    wire_put_zeros(writer, HEADER_1_SIZE - 12);
    wire_put_u8(writer, 0);
    wire_put(writer, SPAN_OF("\x0c\0\2NT LM 0.12\0"));
}

static void ask(struct dialogue *dialogue)
{
    uint8_t bytes[256];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u32(&writer, 0);
    if (dialogue->step == ASKED_2) {
        put_negotiate(&writer);
    } else {
        put_negotiate_1(&writer);
    }
    wire_patch_u32(&writer, 0, (uint32_t)writer.size - FRAME_HEAD_SIZE);
    dialogue_send(dialogue, wire_written(&writer));
}

/* 0x0311 is 3.1.1, 0x0202 is 2.0.2, 0x0300 is 3.0. */
static void learn_dialect(struct dialogue *dialogue, unsigned int dialect)
{
    unsigned int last = dialect & 0xf;
    char text[16];

    if (last != 0) {
        (void)snprintf(text, sizeof(text), "%u.%u.%u", dialect >> 8, dialect >> 4 & 0xf, last);
    } else {
        (void)snprintf(text, sizeof(text), "%u.%u", dialect >> 8, dialect >> 4 & 0xf);
    }
    facts_set_string(dialogue->facts, "smb.dialect", text);
}

static bool is_dialect(uint16_t dialect)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++) {
        if (dialects[i] == dialect) {
            return true;
        }
    }
    return false;
}

/* The response of SMB 2; an error has another size of structure. */
static enum dialogue_next hear_negotiated(struct dialogue *dialogue, struct span message)
{
    struct wire_reader reader = wire_reader_of(span_from(message, HEADER_SIZE));
    uint16_t structure = wire_u16_le(&reader);
    uint16_t security = wire_u16_le(&reader);
    uint16_t dialect = wire_u16_le(&reader);

    if (!reader.failed && structure == 65 && is_dialect(dialect)) {
        learn_dialect(dialogue, dialect);
        facts_set_truth(dialogue->facts, "smb.signing", (security & SIGNING_REQUIRED) != 0);
    }
    dialogue->step = ASKED_1;
    return DIALOGUE_AGAIN;
}

static enum dialogue_next hear_negotiated_1(struct dialogue *dialogue, struct span message)
{
    struct wire_reader reader = wire_reader_of(span_from(message, 4));
    uint8_t command = wire_u8(&reader);
    uint32_t status = wire_u32_le(&reader);
    uint16_t dialect;

    wire_skip(&reader, HEADER_1_SIZE - 4 - 1 - 4 + 1); /* the rest of the header, and how many words follow */
    dialect = wire_u16_le(&reader);
    if (!reader.failed && command == NEGOTIATE_1) {
        facts_set_truth(dialogue->facts, "smb.v1", status == 0 && dialect != NO_DIALECT);
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_message(struct dialogue *dialogue, struct span message)
{
    bool second = message.bytes[0] == 0xfe;

    dialogue->recognised = true;
    if (dialogue->step == ASKED_2 && second) {
        return hear_negotiated(dialogue, message);
    }
    if (!second) {
        return hear_negotiated_1(dialogue, message);
    }
    facts_set_truth(dialogue->facts, "smb.v1", false);
    return DIALOGUE_DONE;
}

/* A server without SMB 1 hangs up on it; where it is likely to be SMB, one without SMB 2 may do the same. */
static enum dialogue_next hear_nothing(struct dialogue *dialogue)
{
    if (dialogue->recognised) {
        facts_set_truth(dialogue->facts, "smb.v1", false);
        return DIALOGUE_DONE;
    }
    if (dialogue->step == ASKED_2 && protocol_is_likely(&protocol_smb, dialogue->target.port, false)) {
        dialogue->step = ASKED_1;
        return DIALOGUE_AGAIN;
    }
    return DIALOGUE_FOREIGN;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint32_t size;
    struct span message;

    wire_skip(&reader, 1);
    size = wire_u24(&reader);
    message = wire_bytes(&reader, size);
    if (match == PROTOCOL_NO) {
        return dialogue_end(dialogue);
    }
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue_take(dialogue, FRAME_HEAD_SIZE + (size_t)size);
    return hear_message(dialogue, message);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    if (event == DIALOGUE_SECURED) {
        return DIALOGUE_WAIT;
    }
    if (dialogue->in.size == 0 && (event == DIALOGUE_CLOSED || event == DIALOGUE_RESET)) {
        return hear_nothing(dialogue);
    }
    return dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_smb = {
    .name = "smb",
    .ports = "445,139",
    .tls_ports = "",
    .rank = 7,
    .waits = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
