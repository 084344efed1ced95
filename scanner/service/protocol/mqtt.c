/* MQTT 3.1.1: CONNECT without a name or a password (OASIS MQTT 3.1.1, sections 3.1 and 3.2), and DISCONNECT as soon as
 * that is granted. The client's identifier is left to the server, as one of ours could end another client's session. */
#include "scanner/service/protocol/all.h"

enum { CONNACK = 0x20, CONNACK_SIZE = 4, REASON_5_FIRST = 0x80, LENGTH_MAX = 0x7f };
enum { ACCEPTED = 0, BAD_CREDENTIAL = 4, NOT_AUTHORIZED = 5, BAD_CREDENTIAL_5 = 0x86, NOT_AUTHORIZED_5 = 0x87 };

/* A server that speaks only version 5 refuses in its own way (OASIS MQTT 5, section 3.2): a longer answer. */
static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t type = wire_u8(&reader);
    uint8_t size = wire_u8(&reader);
    uint8_t flags = wire_u8(&reader);
    uint8_t code = wire_u8(&reader);

    if ((bytes.size > 0 && type != CONNACK) || (bytes.size > 1 && (size < 2 || size > LENGTH_MAX)) || flags > 1) {
        return PROTOCOL_NO;
    }
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    if (bytes.size > 2 + (size_t)size) {
        return PROTOCOL_NO;
    }
    return (size == 2 && code <= NOT_AUTHORIZED) || (flags == 0 && code >= REASON_5_FIRST) ? PROTOCOL_YES : PROTOCOL_NO;
}

/* A clean session; at most ten seconds of silence. */
static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("\x10\x0c\0\4MQTT\4\2\0\x0a\0\0"));
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    uint8_t code;

    if (match != PROTOCOL_YES) {
        return match == PROTOCOL_MAYBE ? DIALOGUE_WAIT : DIALOGUE_FOREIGN;
    }
    code = dialogue->in.bytes[CONNACK_SIZE - 1];
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (code == ACCEPTED) {
        dialogue_open_door(dialogue, "CONNECT");
        dialogue_send(dialogue, SPAN_OF("\xe0\0"));
    } else if (code == BAD_CREDENTIAL || code == NOT_AUTHORIZED || code == BAD_CREDENTIAL_5 ||
               code == NOT_AUTHORIZED_5) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_mqtt = {
    .name = "mqtt",
    .ports = "1883",
    .tls_ports = "8883",
    .rank = 13,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
