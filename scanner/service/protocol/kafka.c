/* Apache Kafka: ApiVersions (Apache Kafka protocol guide, "Retrieving Supported API versions", key 18), which a broker
 * answers before any authentication; then SaslHandshake (key 17; KIP-43), by which a client names the mechanism that it
 * would use: a listener that wants SASL answers with the list of those that it has, another that this is not the place
 * for it. No credential follows. Last, where none is wanted, Metadata (key 3) for no topic at all: a broker that names
 * its brokers has asked for nothing, the door. */
#include "scanner/service/protocol/all.h"

enum { METADATA = 3, SASL_HANDSHAKE = 17, API_VERSIONS = 18, METADATA_VERSION = 1 };
enum { APIS_MAX = 512, ANSWER_MAX = 32768, BROKERS_MAX = 1024, MECHANISMS_MAX = 64, METHODS_SIZE = 256 };
enum { NO_ERROR = 0, UNSUPPORTED_MECHANISM = 33 };
/* Answers carry back what the question was numbered with: by that they are told from everything else. */
enum { CORRELATION = 0x4c505254 };

enum step { ASKED_VERSIONS, ASKED_METADATA, ASKED_HANDSHAKE, STEPS };

/* What the broker offers, in scratch[0]. */
enum { OFFERS_METADATA = 1, OFFERS_HANDSHAKE = 2 };

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t size = wire_u32(&reader);
    uint32_t correlation;

    if (!reader.failed && (size < 4 || size > ANSWER_MAX)) {
        return PROTOCOL_NO;
    }
    correlation = wire_u32(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return correlation >= CORRELATION && correlation < CORRELATION + STEPS ? PROTOCOL_YES : PROTOCOL_NO;
}

static void send_request(struct dialogue *dialogue, uint16_t key, uint16_t version, struct span body)
{
    const struct span client = SPAN_OF("leastport");
    uint8_t bytes[64];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u32(&writer, (uint32_t)(2 + 2 + 4 + 2 + client.size + body.size));
    wire_put_u16(&writer, key);
    wire_put_u16(&writer, version);
    wire_put_u32(&writer, CORRELATION + dialogue->step);
    wire_put_u16(&writer, (uint16_t)client.size);
    wire_put(&writer, client);
    wire_put(&writer, body);
    dialogue_send(dialogue, wire_written(&writer));
}

static void ask(struct dialogue *dialogue)
{
    send_request(dialogue, API_VERSIONS, 0, SPAN_OF(""));
}

/* False when it is no answer to ApiVersions; *ret_offers says what may be asked for. */
static bool read_versions(struct span body, uint64_t *ret_offers)
{
    struct wire_reader reader = wire_reader_of(body);
    uint16_t error = wire_u16(&reader);
    uint32_t count = wire_u32(&reader);
    bool itself = false;

    *ret_offers = 0;
    if (reader.failed || error != 0 || count > APIS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint16_t key = wire_u16(&reader);
        uint16_t lowest = wire_u16(&reader);
        uint16_t highest = wire_u16(&reader);
        itself |= key == API_VERSIONS;
        if (key == METADATA && lowest <= METADATA_VERSION && highest >= METADATA_VERSION) {
            *ret_offers |= OFFERS_METADATA;
        } else if (key == SASL_HANDSHAKE && lowest == 0) {
            *ret_offers |= OFFERS_HANDSHAKE;
        }
    }
    return !reader.failed && itself;
}

/* The first broker's name, or nothing when that is no answer to Metadata. */
static struct span read_metadata(struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t count = wire_u32(&reader);
    struct span host;

    wire_skip(&reader, 4);
    host = wire_bytes(&reader, wire_u16(&reader));
    wire_skip(&reader, 4);
    return reader.failed || count == 0 || count > BROKERS_MAX ? (struct span){NULL, 0} : host;
}

static enum dialogue_next ask_metadata(struct dialogue *dialogue)
{
    if ((dialogue->scratch[0] & OFFERS_METADATA) == 0) {
        return DIALOGUE_DONE;
    }
    dialogue->step = ASKED_METADATA;
    send_request(dialogue, METADATA, METADATA_VERSION, SPAN_OF("\0\0\0\0"));
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear_versions(struct dialogue *dialogue, struct span body)
{
    if (!read_versions(body, &dialogue->scratch[0])) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (!dialogue->target.doors) {
        return DIALOGUE_DONE;
    }
    if ((dialogue->scratch[0] & OFFERS_HANDSHAKE) == 0) {
        return ask_metadata(dialogue);
    }
    dialogue->step = ASKED_HANDSHAKE;
    send_request(dialogue, SASL_HANDSHAKE, 0, SPAN_OF("\0\5PLAIN"));
    return DIALOGUE_WAIT;
}

/* An error, and the mechanisms that are enabled, whether ours is among them or not. */
static enum dialogue_next hear_handshake(struct dialogue *dialogue, struct span body)
{
    uint8_t bytes[METHODS_SIZE];
    struct wire_writer names = wire_writer_of(bytes, sizeof(bytes));
    struct wire_reader reader = wire_reader_of(body);
    uint16_t error = wire_u16(&reader);
    uint32_t count = wire_u32(&reader);

    if (reader.failed || (error != NO_ERROR && error != UNSUPPORTED_MECHANISM) || count > MECHANISMS_MAX) {
        return ask_metadata(dialogue);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct span name = wire_bytes(&reader, wire_u16(&reader));
        if (!reader.failed && names.room - names.size > name.size + 1) {
            wire_put_text(&names, names.size == 0 ? "" : " ");
            wire_put(&names, name);
        }
    }
    facts_set_string(dialogue->facts, "auth", "required");
    facts_set_text(dialogue->facts, "auth.methods", wire_written(&names));
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_metadata(struct dialogue *dialogue, struct span body)
{
    struct span host = read_metadata(body);

    if (host.size > 0) {
        facts_set_text(dialogue->facts, "hostname", host);
        dialogue_open_door(dialogue, "Metadata");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint32_t size = wire_u32(&reader);
    struct span answer = wire_bytes(&reader, size);
    uint32_t correlation;

    if (match == PROTOCOL_NO) {
        return dialogue_end(dialogue);
    }
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue_take(dialogue, 4 + (size_t)size);
    reader = wire_reader_of(answer);
    correlation = wire_u32(&reader);
    if (correlation != CORRELATION + dialogue->step) {
        return dialogue_end(dialogue);
    }
    switch ((enum step)dialogue->step) {
    case ASKED_VERSIONS:
        return hear_versions(dialogue, reader.rest);
    case ASKED_HANDSHAKE:
        return hear_handshake(dialogue, reader.rest);
    case ASKED_METADATA:
    case STEPS:
        break;
    }
    return hear_metadata(dialogue, reader.rest);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_kafka = {
    .name = "kafka",
    .ports = "9092,9094,9096,9098",
    .tls_ports = "9093,9094",
    .rank = 14,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
