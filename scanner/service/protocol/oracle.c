/* Oracle's listener: a CONNECT packet of TNS that asks for nothing but a sign of life, as Oracle's tool tnsping does
 * (Oracle Database Net Services Administrator's Guide, "Testing the Network Connection"). Oracle has not published the
 * packets; their layout is what its open driver writes and reads (python-oracledb, thin mode, messages "connect",
 * "accept", "refuse", "redirect" and "resend"). The listener refuses such a packet with a text that names its version
 * as one number, VSNNUM. */
#include "scanner/service/protocol/all.h"

#include <stdio.h>

enum {
    PACKET_CONNECT = 1,
    PACKET_ACCEPT = 2,
    PACKET_REFUSE = 4,
    PACKET_REDIRECT = 5,
    PACKET_RESEND = 11,
};

enum {
    HEADER_SIZE = 8,
    ACCEPT_SIZE_MIN = 24,
    PACKET_MAX = 8192,
    VERSION_OURS = 310,
    VERSION_LOWEST = 300,
    CONNECT_DATA_AT = 58,
    UNIT_SESSION = 2048,
    UNIT_TRANSPORT = 32767,
    CHARACTERISTICS = 0x4f98,
    RELEASE_LAYOUT_NEW = 18, /* from this release on VSNNUM is divided in another way */
};

/* Sizes of what is said of a refusal before its text: two reasons and a length. */
enum { REFUSE_HEAD_SIZE = 4 };

static bool has_type(uint8_t type)
{
    return type == PACKET_ACCEPT || type == PACKET_REFUSE || type == PACKET_REDIRECT || type == PACKET_RESEND;
}

static enum protocol_match match_body(uint8_t type, size_t size, struct span body)
{
    struct span text = span_from(body, type == PACKET_REFUSE ? REFUSE_HEAD_SIZE : 2);

    if (type == PACKET_RESEND) {
        return size == HEADER_SIZE ? PROTOCOL_YES : PROTOCOL_NO;
    }
    if (type == PACKET_ACCEPT) {
        struct wire_reader reader = wire_reader_of(body);
        uint16_t version = wire_u16(&reader);
        if (reader.failed) {
            return PROTOCOL_MAYBE;
        }
        return size >= ACCEPT_SIZE_MIN && version >= VERSION_LOWEST && version <= VERSION_OURS ? PROTOCOL_YES
                                                                                               : PROTOCOL_NO;
    }
    if (text.size == 0) {
        return PROTOCOL_MAYBE;
    }
    return text.bytes[0] == '(' ? PROTOCOL_YES : PROTOCOL_NO;
}

/* No checksum is used, of the packet nor of its header. */
static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint16_t size = wire_u16(&reader);
    uint16_t checksum = wire_u16(&reader);
    uint8_t type = wire_u8(&reader);

    wire_skip(&reader, 1);
    checksum |= wire_u16(&reader);
    if ((bytes.size >= 2 && (size < HEADER_SIZE || size > PACKET_MAX)) || (bytes.size >= 5 && !has_type(type)) ||
        checksum != 0) {
        return PROTOCOL_NO;
    }
    return reader.failed ? PROTOCOL_MAYBE : match_body(type, size, reader.rest);
}

static void ask(struct dialogue *dialogue)
{
    const struct span data = SPAN_OF("(CONNECT_DATA=(COMMAND=ping))");
    uint8_t bytes[128];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u16(&writer, (uint16_t)(CONNECT_DATA_AT + data.size));
    wire_put_u16(&writer, 0);
    wire_put_u8(&writer, PACKET_CONNECT);
    wire_put_u8(&writer, 0);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, VERSION_OURS);
    wire_put_u16(&writer, VERSION_LOWEST);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, UNIT_SESSION);
    wire_put_u16(&writer, UNIT_TRANSPORT);
    wire_put_u16(&writer, CHARACTERISTICS);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, (uint16_t)data.size);
    wire_put_u16(&writer, CONNECT_DATA_AT);
    wire_put_zeros(&writer, CONNECT_DATA_AT - writer.size);
    wire_put(&writer, data);
    dialogue_send(dialogue, wire_written(&writer));
}

/* 318767104 is 0x13000000, which is 19.0.0.0.0. */
static void learn_version(struct dialogue *dialogue, uint32_t number)
{
    unsigned int release = number >> 24;
    char text[48];

    if (release == 0) {
        return;
    }
    if (release >= RELEASE_LAYOUT_NEW) {
        (void)snprintf(text, sizeof(text), "%u.%u.%u.%u.%u", release, number >> 16 & 0xff, number >> 12 & 0xf,
                       number >> 4 & 0xff, number & 0xf);
    } else {
        (void)snprintf(text, sizeof(text), "%u.%u.%u.%u.%u", release, number >> 20 & 0xf, number >> 12 & 0xff,
                       number >> 8 & 0xf, number & 0xff);
    }
    facts_set_string(dialogue->facts, "version", text);
}

static void learn_text(struct dialogue *dialogue, struct span text)
{
    const struct span key = SPAN_OF("(VSNNUM=");
    ptrdiff_t at = span_find(text, key);
    struct span digits = span_from(text, at < 0 ? text.size : (size_t)at + key.size);
    uint64_t number = 0;

    facts_set_text(dialogue->facts, "banner", text);
    for (size_t i = 0; i < digits.size && digits.bytes[i] >= '0' && digits.bytes[i] <= '9'; i++) {
        number = number * 10 + (uint64_t)(digits.bytes[i] - '0');
        if (number > UINT32_MAX) {
            return;
        }
    }
    learn_version(dialogue, (uint32_t)number);
}

/* A listener may want the packet again, once. */
static enum dialogue_next hear_packet(struct dialogue *dialogue, uint8_t type, struct span body)
{
    dialogue->recognised = true;
    facts_set_string(dialogue->facts, "product", "Oracle TNS listener");
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (type == PACKET_RESEND && dialogue->step == 0) {
        dialogue->step = 1;
        ask(dialogue);
        return DIALOGUE_WAIT;
    }
    if (type == PACKET_REFUSE) {
        learn_text(dialogue, span_from(body, REFUSE_HEAD_SIZE));
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    size_t size;
    uint8_t type;
    struct span body;

    size = wire_u16(&reader);
    wire_skip(&reader, 2);
    type = wire_u8(&reader);
    wire_skip(&reader, 3);
    body = wire_bytes(&reader, size - HEADER_SIZE);
    if (match == PROTOCOL_NO) {
        return dialogue_end(dialogue);
    }
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue_take(dialogue, size);
    return hear_packet(dialogue, type, body);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_oracle = {
    .name = "oracle",
    .ports = "1521,1522,1526",
    .tls_ports = "2484",
    .rank = 16,
    .delicate = true,
    .waits = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
