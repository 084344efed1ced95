/* RDP: the X.224 Connection Request with a negotiation request, and what the server makes of it (MS-RDPBCGR, sections
 * 2.2.1.1, 2.2.1.2 and 5.4.2.1; RFC 1006 for the TPKT header). First it is offered the old security of RDP alone, which
 * a server that insists on TLS or on authentication before the session (CredSSP, "NLA") refuses with its reason; on a
 * second connection all that there is, and the server takes its favourite and goes over to TLS. */
#include "scanner/service/protocol/all.h"

enum { TPKT_VERSION = 3, CONNECTION_CONFIRM = 0xd0, SIZE_MIN = 11, SIZE_NEGOTIATED = 19, SIZE_MAX_TAKEN = 512 };
enum { NEGOTIATION_RESPONSE = 2, NEGOTIATION_FAILURE = 3, NEGOTIATION_SIZE = 8 };
enum { SECURITY_RDP = 0, SECURITY_TLS = 1, SECURITY_CREDSSP = 2, SECURITY_CREDSSP_EARLY = 8 };
enum { TLS_REQUIRED = 1, CREDSSP_REQUIRED = 5, TLS_WITH_USER_REQUIRED = 6 };

enum step { OFFERED_OLD, OFFERED_ALL };

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t version = wire_u8(&reader);
    uint8_t reserved = wire_u8(&reader);
    uint16_t size = wire_u16(&reader);
    uint8_t indicator = wire_u8(&reader);
    uint8_t code = wire_u8(&reader);

    if ((bytes.size > 0 && version != TPKT_VERSION) || reserved != 0 ||
        (bytes.size >= 4 && (size < SIZE_MIN || size > SIZE_MAX_TAKEN)) || (bytes.size >= 5 && indicator != size - 5)) {
        return PROTOCOL_NO;
    }
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return code == CONNECTION_CONFIRM ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    uint8_t bytes[SIZE_NEGOTIATED];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put(&writer, SPAN_OF("\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0"));
    wire_put_u32_le(&writer, dialogue->step == OFFERED_OLD ? SECURITY_RDP
                                                           : SECURITY_TLS | SECURITY_CREDSSP | SECURITY_CREDSSP_EARLY);
    dialogue_send(dialogue, wire_written(&writer));
}

static void add_method(struct dialogue *dialogue, const char *method)
{
    const char *known = facts_text(dialogue->facts, "auth.methods");
    uint8_t bytes[32];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    if (known != NULL) {
        wire_put_text(&writer, known);
        wire_put_u8(&writer, ' ');
    }
    wire_put_text(&writer, method);
    facts_set_text(dialogue->facts, "auth.methods", wire_written(&writer));
}

static enum dialogue_next offer_all(struct dialogue *dialogue)
{
    dialogue->step = OFFERED_ALL;
    return DIALOGUE_AGAIN;
}

/* Without negotiation data it is a server from before TLS. */
static enum dialogue_next hear_old(struct dialogue *dialogue, uint8_t type, uint32_t value)
{
    if (type == NEGOTIATION_FAILURE) {
        bool credssp = value == CREDSSP_REQUIRED;
        if (credssp || value == TLS_REQUIRED || value == TLS_WITH_USER_REQUIRED) {
            facts_set_truth(dialogue->facts, "tls.required", true);
            facts_set_truth(dialogue->facts, "cleartext", false);
        }
        if (credssp) {
            facts_set_string(dialogue->facts, "auth", "required");
        }
        return offer_all(dialogue);
    }
    facts_set_truth(dialogue->facts, "tls.required", false);
    add_method(dialogue, "rdp");
    if (type != NEGOTIATION_RESPONSE) {
        facts_set_truth(dialogue->facts, "starttls", false);
        return DIALOGUE_DONE;
    }
    return offer_all(dialogue);
}

static enum dialogue_next hear_all(struct dialogue *dialogue, uint8_t type, uint32_t value)
{
    bool credssp = value == SECURITY_CREDSSP || value == SECURITY_CREDSSP_EARLY;
    bool offered = type == NEGOTIATION_RESPONSE && (credssp || value == SECURITY_TLS);

    facts_set_truth(dialogue->facts, "starttls", offered);
    if (!offered) {
        return DIALOGUE_DONE;
    }
    add_method(dialogue, credssp ? "nla" : "tls");
    return DIALOGUE_SECURE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint16_t size;
    struct span body;
    uint8_t type;
    uint32_t value;

    wire_skip(&reader, 2);
    size = wire_u16(&reader);
    body = wire_bytes(&reader, (size_t)size - 4);
    if (match == PROTOCOL_NO) {
        return dialogue_end(dialogue);
    }
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue->recognised = true;
    reader = wire_reader_of(span_from(body, SIZE_MIN - 4));
    type = wire_u8(&reader);
    wire_skip(&reader, 3); /* flags, and a length that is always the same */
    value = wire_u32_le(&reader);
    type = reader.failed ? 0 : type;
    dialogue_take(dialogue, size);
    return dialogue->step == OFFERED_OLD ? hear_old(dialogue, type, value) : hear_all(dialogue, type, value);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next;

    if (event == DIALOGUE_SECURED || event == DIALOGUE_UNSECURED) {
        return dialogue_end(dialogue);
    }
    next = hear_bytes(dialogue);
    /* Where it is likely to be RDP, a server that hangs up may have meant a refusal. */
    if (next == DIALOGUE_WAIT && dialogue->step == OFFERED_OLD &&
        (event == DIALOGUE_CLOSED || event == DIALOGUE_RESET) &&
        protocol_is_likely(&protocol_rdp, dialogue->target.port, false)) {
        return offer_all(dialogue);
    }
    return dialogue_outcome(dialogue, event, next);
}

const struct protocol protocol_rdp = {
    .name = "rdp",
    .ports = "3389",
    .tls_ports = "",
    .rank = 5,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
