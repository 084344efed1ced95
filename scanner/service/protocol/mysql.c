/* MySQL and MariaDB: the connection phase (MySQL Source Code Documentation, "Connection Phase"; MariaDB's "Clients and
 * servers: connecting"). The server speaks first.
 *
 * Servers count a handshake that is broken off, and after max_connect_errors of them (100) lock its source out with
 * error 1129 (MySQL Reference Manual, "Host 'host_name' is blocked"; the column SUM_CONNECT_ERRORS of the table
 * performance_schema.host_cache). Looked up there after each way to leave a MariaDB 10.11: closing after the greeting,
 * RST, COM_QUIT, an empty packet, SSLRequest and close, a TLS handshake and close all count as one; a handshake
 * response that is denied counts as none. So the handshake is always brought to its end, as "leastport", which need not
 * exist, without a password: "access denied" is the orderly end, and the only other is an account for everyone, the
 * door. Whether TLS is required (error 3159) both servers say only to whoever is let in, and so is known only then. */
#include "scanner/service/protocol/all.h"

enum {
    HEADER_SIZE = 4,
    GREETING_MAX = 1024,
    VERSION_MAX = 120,
    GREETING_REST_SIZE = 10,
    SCRAMBLE_REST_MIN = 13,
    ANSWER_MAX = 16384,
    PACKET_MAX = 1 << 24,
    CHARSET_UTF8 = 33,
};

enum {
    PROTOCOL_9 = 0x09,
    PROTOCOL_10 = 0x0a,
    REPLY_OK = 0x00,
    REPLY_SWITCH = 0xfe,
    REPLY_ERROR = 0xff,
    COM_QUIT = 0x01,
};

enum {
    CLIENT_LONG_PASSWORD = 0x1,
    CLIENT_PROTOCOL_41 = 0x200,
    CLIENT_SSL = 0x800,
    CLIENT_SECURE_CONNECTION = 0x8000,
    CLIENT_PLUGIN_AUTH = 0x80000,
};

enum {
    ERROR_HOST_BLOCKED = 1129,
    ERROR_HOST_NOT_PRIVILEGED = 1130,
    ERROR_ACCESS_DENIED = 1045,
    ERROR_ACCESS_DENIED_NO_PASSWORD = 1698, /* MariaDB, to who sent no password */
    ERROR_FIRST = 1000,
    ERROR_LAST = 4999,
    ERROR_SECURE_TRANSPORT_REQUIRED = 3159,
};

enum step { GREETING, SECURING, LOGIN, SWITCHED };

/* scratch[0] is what the server is capable of, the rest the name of the plugin that it authenticates by. */
enum { PLUGIN_SIZE = 64 };

static char *plugin_of(struct dialogue *dialogue)
{
    return (char *)&dialogue->scratch[1];
}

static bool is_printable(struct span span)
{
    for (size_t i = 0; i < span.size; i++) {
        if (span.bytes[i] < 0x20 || span.bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* A version begins with a digit: "8.0.36", "5.5.5-10.11.6-MariaDB". */
static enum protocol_match match_greeting(struct span payload)
{
    struct wire_reader reader = wire_reader_of(payload);
    struct span version;

    (void)wire_u8(&reader);
    version = wire_string(&reader);
    if (reader.failed) {
        struct span part = span_from(payload, 1);
        return part.size <= VERSION_MAX && is_printable(part) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    if (version.size == 0 || version.size > VERSION_MAX || !is_printable(version)) {
        return PROTOCOL_NO;
    }
    return version.bytes[0] >= '0' && version.bytes[0] <= '9' ? PROTOCOL_YES : PROTOCOL_NO;
}

/* In place of a greeting: "Host … is not allowed to connect", "Too many connections". */
static enum protocol_match match_error(struct span payload)
{
    struct wire_reader reader = wire_reader_of(payload);
    uint16_t code;

    (void)wire_u8(&reader);
    code = wire_u16_le(&reader);
    if (reader.failed || reader.rest.size == 0) {
        return PROTOCOL_MAYBE;
    }
    return code >= ERROR_FIRST && code <= ERROR_LAST && is_printable(reader.rest) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t size = wire_u24_le(&reader);
    uint8_t sequence = wire_u8(&reader);
    struct span payload = reader.rest;

    if (reader.failed) {
        return bytes.size < 3 || size <= GREETING_MAX ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    if (size < 4 || size > GREETING_MAX || sequence > 1) {
        return PROTOCOL_NO;
    }
    if (payload.size == 0) {
        return PROTOCOL_MAYBE;
    }
    payload.size = payload.size < size ? payload.size : size;
    if (payload.bytes[0] == REPLY_ERROR) {
        return match_error(payload);
    }
    if (sequence == 0 && (payload.bytes[0] == PROTOCOL_10 || payload.bytes[0] == PROTOCOL_9)) {
        return match_greeting(payload);
    }
    return PROTOCOL_NO;
}

/* The whole packet that waits, or false; *ret_failed when what waits is none. */
static bool take_packet(struct dialogue *dialogue, uint8_t *ret_sequence, struct span *ret_payload, bool *ret_failed)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint32_t size = wire_u24_le(&reader);
    uint8_t sequence = wire_u8(&reader);
    struct span payload;

    *ret_failed = !reader.failed && (size == 0 || size > ANSWER_MAX);
    payload = wire_bytes(&reader, size);
    if (reader.failed || *ret_failed) {
        return false;
    }
    *ret_sequence = sequence;
    *ret_payload = payload;
    dialogue_take(dialogue, HEADER_SIZE + size);
    return true;
}

static void send_packet(struct dialogue *dialogue, uint8_t sequence, struct span payload)
{
    uint8_t bytes[256];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    wire_put_u24_le(&writer, (uint32_t)payload.size);
    wire_put_u8(&writer, sequence);
    wire_put(&writer, payload);
    dialogue_send(dialogue, wire_written(&writer));
}

/* The SSLRequest is the beginning of the handshake response: flags, the size of packets, the character set. */
static void put_head(struct dialogue *dialogue, struct wire_writer *writer, uint32_t more_flags)
{
    const uint32_t flags = CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION;

    wire_put_u32_le(writer, flags | more_flags | ((uint32_t)dialogue->scratch[0] & CLIENT_PLUGIN_AUTH));
    wire_put_u32_le(writer, PACKET_MAX);
    wire_put_u8(writer, CHARSET_UTF8);
    wire_put_zeros(writer, 23);
}

static void send_ssl_request(struct dialogue *dialogue)
{
    uint8_t bytes[32];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    put_head(dialogue, &writer, CLIENT_SSL);
    send_packet(dialogue, 1, wire_written(&writer));
}

static void send_login(struct dialogue *dialogue, uint8_t sequence)
{
    uint8_t bytes[128];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    put_head(dialogue, &writer, dialogue->secured ? CLIENT_SSL : 0);
    wire_put(&writer, SPAN_OF("leastport\0"));
    wire_put_u8(&writer, 0); /* no proof of a password */
    if ((dialogue->scratch[0] & CLIENT_PLUGIN_AUTH) != 0) {
        wire_put_text(&writer, plugin_of(dialogue));
        wire_put_u8(&writer, 0);
    }
    send_packet(dialogue, sequence, wire_written(&writer));
    dialogue->step = LOGIN;
}

/* HandshakeV10 behind the version. Older servers than 4.1 end early, and are not gone on with. */
static bool read_greeting(struct dialogue *dialogue, struct span payload)
{
    struct wire_reader reader = wire_reader_of(payload);
    uint8_t protocol = wire_u8(&reader);
    uint32_t capable;
    uint8_t scramble_size;
    struct span plugin;

    facts_set_text(dialogue->facts, "banner", wire_string(&reader));
    wire_skip(&reader, 4 + 8 + 1);
    capable = wire_u16_le(&reader);
    wire_skip(&reader, 1 + 2);
    capable |= (uint32_t)wire_u16_le(&reader) << 16;
    scramble_size = wire_u8(&reader);
    wire_skip(&reader, GREETING_REST_SIZE);
    if (reader.failed || protocol != PROTOCOL_10 || (capable & CLIENT_PROTOCOL_41) == 0) {
        return false;
    }
    wire_skip(&reader, scramble_size > 8 + SCRAMBLE_REST_MIN ? (size_t)scramble_size - 8 : SCRAMBLE_REST_MIN);
    plugin = wire_string(&reader);
    if (reader.failed || plugin.size >= PLUGIN_SIZE || !is_printable(plugin)) {
        capable &= ~(uint32_t)CLIENT_PLUGIN_AUTH;
    } else {
        struct wire_writer writer = wire_writer_of((uint8_t *)plugin_of(dialogue), PLUGIN_SIZE);
        wire_put(&writer, plugin);
        wire_put_u8(&writer, 0);
    }
    if ((capable & CLIENT_PLUGIN_AUTH) != 0) {
        facts_set_text(dialogue->facts, "auth.methods", plugin);
    }
    dialogue->scratch[0] = capable;
    return true;
}

static enum dialogue_next hear_error(struct dialogue *dialogue, struct span payload)
{
    struct wire_reader reader = wire_reader_of(span_from(payload, 1));
    uint16_t code = wire_u16_le(&reader);

    switch (code) {
    case ERROR_SECURE_TRANSPORT_REQUIRED:
        facts_set_truth(dialogue->facts, "tls.required", true);
        facts_set_truth(dialogue->facts, "cleartext", false);
        break;
    case ERROR_ACCESS_DENIED:
    case ERROR_ACCESS_DENIED_NO_PASSWORD:
        facts_set_string(dialogue->facts, "auth", "required");
        break;
    case ERROR_HOST_BLOCKED:
    case ERROR_HOST_NOT_PRIVILEGED:
        /* Nothing else will be said of the server; the text names it. */
        dialogue->unwelcome = true;
        facts_set_text(dialogue->facts, "banner", reader.rest);
        break;
    default:
        break;
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_greeting(struct dialogue *dialogue, struct span payload)
{
    bool offers_tls;

    dialogue->recognised = true;
    if (payload.bytes[0] == REPLY_ERROR) {
        return hear_error(dialogue, payload);
    }
    if (!read_greeting(dialogue, payload)) {
        return DIALOGUE_DONE;
    }
    if (dialogue->secured) {
        send_login(dialogue, 1);
        return DIALOGUE_WAIT;
    }
    offers_tls = (dialogue->scratch[0] & CLIENT_SSL) != 0;
    facts_set_truth(dialogue->facts, "starttls", offers_tls);
    if (offers_tls) {
        send_ssl_request(dialogue);
        dialogue->step = SECURING;
        return DIALOGUE_SECURE;
    }
    facts_set_truth(dialogue->facts, "cleartext", true);
    send_login(dialogue, 1);
    return DIALOGUE_WAIT;
}

/* Another way to authenticate is wanted: where it knows how to say that there is no password, that is said. */
static enum dialogue_next hear_switch(struct dialogue *dialogue, uint8_t sequence, struct span payload)
{
    struct wire_reader reader = wire_reader_of(span_from(payload, 1));
    struct span plugin = wire_string(&reader);
    bool native = span_equal(plugin, SPAN_OF("mysql_native_password")) || span_equal(plugin, SPAN_OF("client_ed25519"));
    bool sha = span_equal(plugin, SPAN_OF("caching_sha2_password")) || span_equal(plugin, SPAN_OF("sha256_password"));

    if (dialogue->step == SWITCHED || (!native && !sha)) {
        facts_set_string(dialogue->facts, "auth", "required");
        return DIALOGUE_DONE;
    }
    send_packet(dialogue, (uint8_t)(sequence + 1), native ? SPAN_OF("") : SPAN_OF("\0"));
    dialogue->step = SWITCHED;
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear_login(struct dialogue *dialogue, uint8_t sequence, struct span payload)
{
    switch (payload.bytes[0]) {
    case REPLY_OK:
        dialogue_open_door(dialogue, "login as \"leastport\" without a password");
        if (!dialogue->secured) {
            facts_set_truth(dialogue->facts, "cleartext", true);
            facts_set_truth(dialogue->facts, "tls.required", false);
        }
        send_packet(dialogue, 0, (struct span){(const uint8_t[]){COM_QUIT}, 1});
        return DIALOGUE_DONE;
    case REPLY_ERROR:
        return hear_error(dialogue, payload);
    case REPLY_SWITCH:
        return hear_switch(dialogue, sequence, payload);
    default:
        facts_set_string(dialogue->facts, "auth", "required");
        return DIALOGUE_DONE;
    }
}

static enum dialogue_next hear_packet(struct dialogue *dialogue)
{
    struct span payload;
    uint8_t sequence;
    bool failed;

    if (dialogue->step == GREETING && recognise(dialogue->in) == PROTOCOL_NO) {
        return DIALOGUE_FOREIGN;
    }
    if (!take_packet(dialogue, &sequence, &payload, &failed)) {
        return failed ? dialogue_end(dialogue) : DIALOGUE_WAIT;
    }
    return dialogue->step == GREETING ? hear_greeting(dialogue, payload) : hear_login(dialogue, sequence, payload);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    if (event == DIALOGUE_SECURED) {
        if (dialogue->step == SECURING) {
            send_login(dialogue, 2);
        }
        return DIALOGUE_WAIT;
    }
    return dialogue_outcome(dialogue, event, hear_packet(dialogue));
}

const struct protocol protocol_mysql = {
    .name = "mysql",
    .ports = "3306,3307",
    .tls_ports = "",
    .greets = true,
    .delicate = true,
    .recognise = recognise,
    .hear = hear,
};
