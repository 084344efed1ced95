/* PostgreSQL: the start of a session (PostgreSQL documentation, "Message Flow" and "Message Formats" of the
 * frontend/backend protocol 3.0). It is asked for TLS, and then, inside TLS and on a second connection in clear, for a
 * session: what the server says then shows whether it would go on without TLS, and how it authenticates. There it ends:
 * no password is ever sent. A server that trusts whoever comes says AuthenticationOk, which is the door; the session is
 * terminated as soon as it has told its version. */
#include "scanner/service/protocol/all.h"

enum { SSL_REQUEST = 80877103, PROTOCOL_3_0 = 3 << 16, MESSAGE_MAX = 16384, HEADER_SIZE = 5 };

enum step { ASKED_TLS, IN_TLS, IN_CLEAR };

/* Bits of scratch[0]. */
enum { TLS_WENT_ON = 1, TRUSTED = 2 };

/* Codes of the message 'R'. */
enum {
    AUTH_OK = 0,
    AUTH_KERBEROS = 2,
    AUTH_CLEARTEXT = 3,
    AUTH_MD5 = 5,
    AUTH_GSS = 7,
    AUTH_SSPI = 9,
    AUTH_SASL = 10,
    AUTH_LAST = 12,
};

static bool looks_like_auth(struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t code = wire_u32(&reader);

    return !reader.failed && code <= AUTH_LAST;
}

/* An error begins with its severity, and ends with its last field. */
static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t type = wire_u8(&reader);
    uint32_t size = wire_u32(&reader);

    if (bytes.size > 0 && type != 'E' && type != 'R') {
        return PROTOCOL_NO;
    }
    if (bytes.size > 1 && bytes.bytes[1] != 0) {
        return PROTOCOL_NO;
    }
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    if (size < 8 || size > MESSAGE_MAX) {
        return PROTOCOL_NO;
    }
    if (type == 'R') {
        if (reader.rest.size < 4) {
            return PROTOCOL_MAYBE;
        }
        return looks_like_auth(reader.rest) ? PROTOCOL_YES : PROTOCOL_NO;
    }
    if (reader.rest.size < 2) {
        return PROTOCOL_MAYBE;
    }
    return reader.rest.bytes[0] == 'S' && reader.rest.bytes[1] >= 'A' ? PROTOCOL_YES : PROTOCOL_NO;
}

static void send_startup(struct dialogue *dialogue)
{
    uint8_t bytes[128];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, PROTOCOL_3_0);
    wire_put(&writer, SPAN_OF("user\0"));
    /* Who need not exist, unless it is to be seen whether the first of all users is let in. */
    wire_put_text(&writer, dialogue->target.doors ? "postgres" : "leastport");
    wire_put(&writer, SPAN_OF("\0database\0postgres\0\0"));
    wire_patch_u32(&writer, 0, (uint32_t)writer.size);
    dialogue_send(dialogue, wire_written(&writer));
}

static void ask(struct dialogue *dialogue)
{
    uint8_t bytes[8];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    if (dialogue->secured) {
        dialogue->step = IN_TLS;
    }
    if (dialogue->step != ASKED_TLS) {
        send_startup(dialogue);
        return;
    }
    wire_put_u32(&writer, sizeof(bytes));
    wire_put_u32(&writer, SSL_REQUEST);
    dialogue_send(dialogue, wire_written(&writer));
}

/* What is to be learnt of this connection is learnt. When TLS was offered, clear comes next. */
static enum dialogue_next go_on(struct dialogue *dialogue)
{
    dialogue->scratch[0] &= ~(uint64_t)TRUSTED;
    if (dialogue->step == IN_TLS && facts_truth(dialogue->facts, "starttls", false)) {
        dialogue->step = IN_CLEAR;
        return DIALOGUE_AGAIN;
    }
    return dialogue_end(dialogue);
}

static void learn_methods(struct dialogue *dialogue, uint32_t code, struct wire_reader *reader)
{
    char text[128];
    struct wire_writer writer = wire_writer_of((uint8_t *)text, sizeof(text));

    switch (code) {
    case AUTH_KERBEROS:
        wire_put_text(&writer, "kerberos");
        break;
    case AUTH_CLEARTEXT:
        wire_put_text(&writer, "password");
        break;
    case AUTH_MD5:
        wire_put_text(&writer, "md5");
        break;
    case AUTH_GSS:
        wire_put_text(&writer, "gss");
        break;
    case AUTH_SSPI:
        wire_put_text(&writer, "sspi");
        break;
    case AUTH_SASL:
        while (reader->rest.size > 0 && reader->rest.bytes[0] != 0 && !reader->failed) {
            wire_put_text(&writer, writer.size > 0 ? " " : "");
            wire_put(&writer, wire_string(reader));
        }
        break;
    default:
        break;
    }
    facts_set_text(dialogue->facts, "auth.methods", wire_written(&writer));
}

/* Whoever gets so far in clear has not been refused for want of TLS. */
static enum dialogue_next hear_auth(struct dialogue *dialogue, struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t code = wire_u32(&reader);

    if (dialogue->step == IN_TLS) {
        dialogue->scratch[0] |= TLS_WENT_ON;
    } else {
        facts_set_truth(dialogue->facts, "cleartext", true);
        facts_set_truth(dialogue->facts, "tls.required", false);
    }
    if (code != AUTH_OK) {
        if (facts_find(dialogue->facts, "door") == NULL) {
            facts_set_string(dialogue->facts, "auth", "required");
        }
        learn_methods(dialogue, code, &reader);
        return go_on(dialogue);
    }
    /* The first of all users exists; whether the other does, the end of the session's beginning shows. */
    if (dialogue->target.doors) {
        dialogue_open_door(dialogue, "a session as \"postgres\" without a password");
    }
    dialogue->scratch[0] |= TRUSTED;
    return DIALOGUE_WAIT;
}

/* Refused by pg_hba.conf: SQLSTATE 28000 from the routine ClientAuthentication, in whatever language it is said. */
static enum dialogue_next hear_error(struct dialogue *dialogue, struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    bool invalid = false;
    bool by_rule = false;

    while (reader.rest.size > 0 && reader.rest.bytes[0] != 0 && !reader.failed) {
        uint8_t type = wire_u8(&reader);
        struct span value = wire_string(&reader);
        if (type == 'C') {
            invalid = span_equal(value, SPAN_OF("28000"));
        } else if (type == 'R') {
            by_rule = span_equal(value, SPAN_OF("ClientAuthentication"));
        } else if (type == 'F' && span_find(value, SPAN_OF(".c")) > 0) {
            facts_set_string(dialogue->facts, "product", "PostgreSQL");
        }
    }
    if (dialogue->step == IN_CLEAR && invalid && by_rule && (dialogue->scratch[0] & TLS_WENT_ON) != 0) {
        facts_set_truth(dialogue->facts, "tls.required", true);
        facts_set_truth(dialogue->facts, "cleartext", false);
    }
    return go_on(dialogue);
}

static void hear_parameter(struct dialogue *dialogue, struct span body)
{
    struct wire_reader reader = wire_reader_of(body);
    struct span name = wire_string(&reader);
    struct span value = wire_string(&reader);

    if (!reader.failed && span_equal(name, SPAN_OF("server_version"))) {
        ptrdiff_t blank = span_find(value, SPAN_OF(" "));
        facts_set_text(dialogue->facts, "banner", value);
        facts_set_string(dialogue->facts, "product", "PostgreSQL");
        value.size = blank >= 0 ? (size_t)blank : value.size;
        facts_set_text(dialogue->facts, "version", value);
    }
}

static enum dialogue_next hear_message(struct dialogue *dialogue, uint8_t type, struct span body)
{
    bool trusted = (dialogue->scratch[0] & TRUSTED) != 0;

    if (type == 'R' && !trusted && looks_like_auth(body)) {
        dialogue->recognised = true;
        return hear_auth(dialogue, body);
    }
    if (type == 'E') {
        dialogue->recognised = true;
        return hear_error(dialogue, body);
    }
    if (!trusted) {
        return dialogue_end(dialogue);
    }
    if (type == 'S') {
        hear_parameter(dialogue, body);
    } else if (type == 'Z') {
        if (!dialogue->target.doors) {
            dialogue_open_door(dialogue, "a session as \"leastport\" without a password");
        }
        dialogue_send(dialogue, SPAN_OF("X\0\0\0\4"));
        return go_on(dialogue);
    }
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear_session(struct dialogue *dialogue)
{
    enum dialogue_next next = DIALOGUE_WAIT;

    while (next == DIALOGUE_WAIT) {
        struct wire_reader reader = wire_reader_of(dialogue->in);
        uint8_t type = wire_u8(&reader);
        uint32_t size = wire_u32(&reader);
        struct span body;
        if (reader.failed) {
            return DIALOGUE_WAIT;
        }
        if (size < 4 || size > MESSAGE_MAX) {
            return dialogue_end(dialogue);
        }
        body = wire_bytes(&reader, size - 4);
        if (reader.failed) {
            return DIALOGUE_WAIT;
        }
        next = hear_message(dialogue, type, body);
        dialogue_take(dialogue, 1 + (size_t)size);
    }
    return next;
}

/* One byte, in clear; what stands behind it could be anyone's. */
static enum dialogue_next hear_tls_answer(struct dialogue *dialogue)
{
    uint8_t answer;

    if (dialogue->in.size == 0) {
        return DIALOGUE_WAIT;
    }
    answer = dialogue->in.bytes[0];
    if (answer == 'E') {
        return recognise(dialogue->in) == PROTOCOL_NO ? DIALOGUE_FOREIGN : hear_session(dialogue);
    }
    if (dialogue->in.size != 1 || (answer != 'S' && answer != 'N')) {
        return DIALOGUE_FOREIGN;
    }
    dialogue_take(dialogue, 1);
    if (answer == 'S') {
        facts_set_truth(dialogue->facts, "starttls", true);
        return DIALOGUE_SECURE;
    }
    facts_set_truth(dialogue->facts, "starttls", false);
    dialogue->step = IN_CLEAR;
    send_startup(dialogue);
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next;

    if (event == DIALOGUE_SECURED) {
        if (dialogue->step == ASKED_TLS) {
            dialogue->step = IN_TLS;
            send_startup(dialogue);
        }
        return DIALOGUE_WAIT;
    }
    if (event == DIALOGUE_UNSECURED) {
        dialogue->step = IN_CLEAR;
        return DIALOGUE_AGAIN;
    }
    next = dialogue->step == ASKED_TLS ? hear_tls_answer(dialogue) : hear_session(dialogue);
    next = dialogue_outcome(dialogue, event, next);
    if (event != DIALOGUE_ARRIVED && next != DIALOGUE_AGAIN && dialogue->step == IN_TLS) {
        return go_on(dialogue);
    }
    return next;
}

const struct protocol protocol_postgresql = {
    .name = "postgresql",
    .ports = "5432,5433,6432,26257",
    .tls_ports = "",
    .rank = 6,
    .delicate = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
