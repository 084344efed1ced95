/* DNS over TCP (RFC 1035, sections 4.1 and 4.2.2; RFC 7766): the name "version.bind" of the class CHAOS (RFC 4892,
 * section 2.1), and the root's name servers, asked with recursion desired: whether the server would look things up for
 * a stranger stands in that answer. */
#include "scanner/service/protocol/all.h"

enum { ID_VERSION = 0x4c71, ID_ROOT = 0x4c72, HEADER_SIZE = 12, LABEL_MAX = 63, LABELS_MAX = 128, RECORDS_MAX = 64 };
enum { FLAG_RESPONSE = 0x8000, MASK_OPCODE = 0x7800, FLAG_RECURSION = 0x0080, MASK_CODE = 0x000f };
enum { TYPE_TXT = 16, CLASS_CHAOS = 3, POINTER = 0xc0 };

enum step { ASKED_VERSION, ASKED_ROOT };

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint16_t size = wire_u16(&reader);
    uint16_t id;
    uint16_t flags;

    if (!reader.failed && size < HEADER_SIZE) {
        return PROTOCOL_NO;
    }
    id = wire_u16(&reader);
    if (!reader.failed && id != ID_VERSION && id != ID_ROOT) {
        return PROTOCOL_NO;
    }
    flags = wire_u16(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return (flags & (FLAG_RESPONSE | MASK_OPCODE)) == FLAG_RESPONSE ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("\0\x1e\x4c\x71\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"));
}

static void ask_root(struct dialogue *dialogue)
{
    dialogue->step = ASKED_ROOT;
    dialogue_send(dialogue, SPAN_OF("\0\x11\x4c\x72\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"));
}

/* A name's text does not matter; a pointer ends it. */
static void skip_name(struct wire_reader *reader)
{
    for (size_t i = 0; i < LABELS_MAX; i++) {
        uint8_t size = wire_u8(reader);
        if (size == 0 || reader->failed) {
            return;
        }
        if ((size & POINTER) == POINTER) {
            wire_skip(reader, 1);
            return;
        }
        wire_skip(reader, size <= LABEL_MAX ? size : SIZE_MAX);
    }
    reader->failed = true;
}

static void read_answers(struct dialogue *dialogue, struct wire_reader *reader, uint16_t questions, uint16_t answers)
{
    for (size_t i = 0; i < questions && i < RECORDS_MAX && !reader->failed; i++) {
        skip_name(reader);
        wire_skip(reader, 2 + 2);
    }
    for (size_t i = 0; i < answers && i < RECORDS_MAX && !reader->failed; i++) {
        uint16_t type;
        uint16_t class;
        struct wire_reader data;
        struct span text;
        skip_name(reader);
        type = wire_u16(reader);
        class = wire_u16(reader);
        wire_skip(reader, 4);
        data = wire_reader_of(wire_bytes(reader, wire_u16(reader)));
        text = wire_bytes(&data, wire_u8(&data));
        if (!reader->failed && !data.failed && type == TYPE_TXT && class == CLASS_CHAOS) {
            facts_set_text(dialogue->facts, "banner", text);
            return;
        }
    }
}

static enum dialogue_next hear_answer(struct dialogue *dialogue, struct span message)
{
    struct wire_reader reader = wire_reader_of(message);
    uint16_t id = wire_u16(&reader);
    uint16_t flags = wire_u16(&reader);
    uint16_t questions = wire_u16(&reader);
    uint16_t answers = wire_u16(&reader);

    wire_skip(&reader, 4);
    if (id != (dialogue->step == ASKED_VERSION ? ID_VERSION : ID_ROOT)) {
        return dialogue_end(dialogue);
    }
    dialogue->recognised = true;
    if (dialogue->step == ASKED_VERSION) {
        facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
        read_answers(dialogue, &reader, questions, answers);
        ask_root(dialogue);
        return DIALOGUE_WAIT;
    }
    facts_set_truth(dialogue->facts, "dns.recursion", (flags & FLAG_RECURSION) != 0 && (flags & MASK_CODE) == 0);
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint16_t size = wire_u16(&reader);
    struct span message = wire_bytes(&reader, size);

    if (match == PROTOCOL_YES && !reader.failed) {
        dialogue_take(dialogue, 2 + (size_t)size);
        return hear_answer(dialogue, message);
    }
    return match == PROTOCOL_NO ? dialogue_end(dialogue) : DIALOGUE_WAIT;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_dns = {
    .name = "dns",
    .ports = "53",
    .tls_ports = "853",
    .rank = 11,
    .waits = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
