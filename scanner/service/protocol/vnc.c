/* VNC, the Remote Framebuffer protocol: ProtocolVersion and the security types (RFC 6143, sections 7.1.1 and 7.1.2; the
 * numbers of types by IANA's registry of it). No type is chosen and ClientInit is never sent: it would begin a session
 * and may end another's. Servers count the handshakes that end there and shut out who makes several in a row. */
#include "scanner/service/protocol/all.h"

#include <string.h>

enum { VERSION_SIZE = 12 };

enum step { VERSION, TYPES, OLD_TYPE };

enum type { NONE = 1, PASSWORD = 2 };

static const struct span sign = SPAN_AS("RFB ");

static bool is_digits(struct span span)
{
    for (size_t i = 0; i < span.size; i++) {
        if (span.bytes[i] < '0' || span.bytes[i] > '9') {
            return false;
        }
    }
    return true;
}

/* "RFB 003.008\n" */
static enum protocol_match recognise(struct span bytes)
{
    struct span number = span_from(bytes, sign.size);

    if (bytes.size <= sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    number.size = number.size < 3 ? number.size : 3;
    if (!span_starts(bytes, sign) || !is_digits(number)) {
        return PROTOCOL_NO;
    }
    if (bytes.size < VERSION_SIZE) {
        return PROTOCOL_MAYBE;
    }
    return bytes.bytes[7] == '.' && is_digits((struct span){bytes.bytes + 8, 3}) && bytes.bytes[11] == '\n'
               ? PROTOCOL_YES
               : PROTOCOL_NO;
}

static unsigned int number_of(const uint8_t *digits)
{
    return (unsigned int)(digits[0] - '0') * 100 + (unsigned int)(digits[1] - '0') * 10 +
           (unsigned int)(digits[2] - '0');
}

static enum dialogue_next end(const struct dialogue *dialogue)
{
    return dialogue->recognised ? DIALOGUE_DONE : DIALOGUE_FOREIGN;
}

/* Answers with the highest version that both sides speak; Apple's 3.889 and RealVNC's 4.1 take 3.8 too. Version 0 is a
 * repeater, which waits for the name of a server. */
static enum dialogue_next greeted(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    unsigned int major;
    unsigned int minor;

    if (match != PROTOCOL_YES) {
        return match == PROTOCOL_NO ? DIALOGUE_FOREIGN : DIALOGUE_WAIT;
    }
    major = number_of(dialogue->in.bytes + 4);
    minor = number_of(dialogue->in.bytes + 8);
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", (struct span){dialogue->in.bytes, VERSION_SIZE - 1});
    dialogue_take(dialogue, VERSION_SIZE);
    if (major < 3) {
        return DIALOGUE_DONE;
    }
    if (major == 3 && minor < 7) {
        dialogue->step = OLD_TYPE;
        dialogue_send_text(dialogue, "RFB 003.003\n");
        return DIALOGUE_WAIT;
    }
    dialogue->step = TYPES;
    dialogue_send_text(dialogue, major == 3 && minor == 7 ? "RFB 003.007\n" : "RFB 003.008\n");
    return DIALOGUE_WAIT;
}

/* What is known of a type. Those that negotiate further say nothing of passwords yet. */
struct type_row {
    uint8_t number;
    const char *name;
    enum { CLEAR, ENCRYPTED, UNKNOWN } session;
    bool asks; /* for a credential */
};

static const struct type_row rows[] = {
    {1, "None", CLEAR, false},       {2, "VncAuth", CLEAR, true},      {5, "RA2", ENCRYPTED, true},
    {6, "RA2ne", CLEAR, true},       {16, "Tight", UNKNOWN, false},    {17, "UltraVNC", UNKNOWN, false},
    {18, "TLS", ENCRYPTED, false},   {19, "VeNCrypt", UNKNOWN, false}, {20, "SASL", UNKNOWN, true},
    {21, "MD5", CLEAR, true},        {22, "xvp", UNKNOWN, false},      {30, "AppleDH", CLEAR, true},
    {33, "AppleDHRSA", CLEAR, true}, {35, "Kerberos", CLEAR, true},    {36, "AppleSRP", CLEAR, true},
    {129, "RA256", ENCRYPTED, true}, {130, "RAne256", CLEAR, true},
};

static const struct type_row *row_of(uint8_t type)
{
    static const struct type_row other = {0, "", UNKNOWN, false};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].number == type) {
            return &rows[i];
        }
    }
    return &other;
}

static void put_name(struct wire_writer *names, const struct type_row *row)
{
    if (row->name[0] != '\0' && names->room - names->size > strlen(row->name)) {
        wire_put_text(names, names->size == 0 ? "" : " ");
        wire_put_text(names, row->name);
    }
}

static void learn_types(struct dialogue *dialogue, struct span types)
{
    uint8_t bytes[FACTS_TEXT_MAX];
    struct wire_writer names = wire_writer_of(bytes, sizeof(bytes));
    bool none = false;
    bool all_ask = types.size > 0;
    bool some_clear = false;
    bool all_encrypted = types.size > 0;

    for (size_t i = 0; i < types.size; i++) {
        const struct type_row *row = row_of(types.bytes[i]);
        put_name(&names, row);
        none |= types.bytes[i] == NONE;
        all_ask &= row->asks;
        some_clear |= row->session == CLEAR;
        all_encrypted &= row->session == ENCRYPTED;
        if (row->number == 18 || row->number == 19) {
            facts_set_truth(dialogue->facts, "starttls", true);
        }
    }
    facts_set_text(dialogue->facts, "auth.methods", wire_written(&names));
    if (none) {
        dialogue_open_door(dialogue, "security type None");
    } else if (all_ask) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    if (dialogue->secured || all_encrypted) {
        facts_set_truth(dialogue->facts, "cleartext", false);
    } else if (some_clear) {
        facts_set_truth(dialogue->facts, "cleartext", true);
    }
}

/* A number of types and then the types; none of them when it refuses, with a reason that is evidence enough. */
static enum dialogue_next hear_types(struct dialogue *dialogue)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    struct span types = wire_bytes(&reader, wire_u8(&reader));

    if (reader.failed) {
        return DIALOGUE_WAIT;
    }
    dialogue->unwelcome = types.size == 0;
    learn_types(dialogue, types);
    return DIALOGUE_DONE;
}

/* Version 3.3: the server has chosen the type, in 4 bytes. */
static enum dialogue_next hear_old_type(struct dialogue *dialogue)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint32_t chosen = wire_u32(&reader);
    uint8_t type = (uint8_t)chosen;

    if (reader.failed) {
        return DIALOGUE_WAIT;
    }
    if (chosen == 0) {
        /* Who refuses speaks this version to everybody. */
        facts_remove(dialogue->facts, "banner");
        dialogue->unwelcome = true;
    }
    learn_types(dialogue, (struct span){&type, chosen == NONE || chosen == PASSWORD ? 1 : 0});
    return DIALOGUE_DONE;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next = DIALOGUE_WAIT;

    if (dialogue->step == VERSION) {
        next = greeted(dialogue);
    }
    if (next == DIALOGUE_WAIT && dialogue->step == TYPES) {
        next = hear_types(dialogue);
    } else if (next == DIALOGUE_WAIT && dialogue->step == OLD_TYPE) {
        next = hear_old_type(dialogue);
    }
    return next == DIALOGUE_WAIT && event != DIALOGUE_ARRIVED && event != DIALOGUE_SECURED ? end(dialogue) : next;
}

const struct protocol protocol_vnc = {
    .name = "vnc",
    .ports = "5900,5901,5902,5903",
    .tls_ports = "",
    .greets = true,
    .delicate = true,
    .recognise = recognise,
    .hear = hear,
};
