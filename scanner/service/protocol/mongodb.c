/* MongoDB: its wire protocol (MongoDB documentation, "MongoDB Wire Protocol", OP_QUERY, OP_REPLY and OP_MSG; BSON
 * specification 1.1). First isMaster in the form that all versions know, then buildInfo, which is answered before
 * authentication, and last listDatabases, which is not where authorization is on: that is the door. */
#include "scanner/service/protocol/all.h"

#include <string.h>

enum { HEADER_SIZE = 16, MESSAGE_MAX = 48000, REQUEST_ID = 0x4c70, OP_REPLY = 1, OP_QUERY = 2004, OP_MSG = 2013 };
enum { REPLY_HEAD_SIZE = 20, WIRE_VERSION_OP_MSG = 6, UNAUTHORIZED = 13, NESTING_MAX = 8 };

enum {
    BSON_DOUBLE = 0x01,
    BSON_STRING = 0x02,
    BSON_DOCUMENT = 0x03,
    BSON_ARRAY = 0x04,
    BSON_BINARY = 0x05,
    BSON_UNDEFINED = 0x06,
    BSON_OBJECT_ID = 0x07,
    BSON_BOOLEAN = 0x08,
    BSON_DATE = 0x09,
    BSON_NULL = 0x0a,
    BSON_REGEX = 0x0b,
    BSON_CODE = 0x0d,
    BSON_SYMBOL = 0x0e,
    BSON_INT32 = 0x10,
    BSON_TIMESTAMP = 0x11,
    BSON_INT64 = 0x12,
    BSON_DECIMAL = 0x13,
    BSON_MAX_KEY = 0x7f,
    BSON_MIN_KEY = 0xff,
};

enum step { ASKED_MASTER, ASKED_BUILD, ASKED_DATABASES };

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t size = wire_u32_le(&reader);
    uint32_t code;

    if (!reader.failed && (size < HEADER_SIZE + 5 || size > MESSAGE_MAX)) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, 8);
    code = wire_u32_le(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return code == OP_REPLY || code == OP_MSG ? PROTOCOL_YES : PROTOCOL_NO;
}

/* A command is a document with the number 1 under its name, what it is asked with, and, in an OP_MSG, its database. */
static void put_command(struct wire_writer *writer, const char *name, struct span more, bool with_database)
{
    const struct span database = SPAN_OF("\x02$db\0\6\0\0\0admin\0");
    size_t size = 4 + 1 + strlen(name) + 1 + 4 + more.size + (with_database ? database.size : 0) + 1;

    wire_put_u32_le(writer, (uint32_t)size);
    wire_put_u8(writer, BSON_INT32);
    wire_put_text(writer, name);
    wire_put_u8(writer, 0);
    wire_put_u32_le(writer, 1);
    wire_put(writer, more);
    if (with_database) {
        wire_put(writer, database);
    }
    wire_put_u8(writer, 0);
}

static void send_command(struct dialogue *dialogue, const char *name, struct span more)
{
    bool modern = dialogue->scratch[0] >= WIRE_VERSION_OP_MSG;
    uint8_t bytes[192];
    uint8_t message[256];
    struct wire_writer body = wire_writer_of(bytes, sizeof(bytes));
    struct wire_writer writer = wire_writer_of(message, sizeof(message));

    wire_put_u32_le(&body, 0); /* flags */
    if (modern) {
        wire_put_u8(&body, 0); /* a section that is one document */
    } else {
        wire_put(&body, SPAN_OF("admin.$cmd\0"));
        wire_put_u32_le(&body, 0);          /* skip none */
        wire_put_u32_le(&body, UINT32_MAX); /* and return one */
    }
    put_command(&body, name, more, modern);
    wire_put_u32_le(&writer, (uint32_t)(HEADER_SIZE + body.size));
    wire_put_u32_le(&writer, REQUEST_ID + dialogue->step);
    wire_put_u32_le(&writer, 0);
    wire_put_u32_le(&writer, modern ? OP_MSG : OP_QUERY);
    wire_put(&writer, wire_written(&body));
    dialogue_send(dialogue, wire_written(&writer));
}

static void ask(struct dialogue *dialogue)
{
    send_command(dialogue, "isMaster", SPAN_OF(""));
}

/* The value's bytes; the reader fails on a type that is not known. */
static struct span read_value(struct wire_reader *reader, uint8_t type)
{
    struct wire_reader ahead = *reader;
    size_t size = wire_u32_le(&ahead);

    switch (type) {
    case BSON_STRING:
    case BSON_CODE:
    case BSON_SYMBOL:
        return wire_bytes(reader, ahead.failed ? SIZE_MAX : 4 + size);
    case BSON_DOCUMENT:
    case BSON_ARRAY:
        return wire_bytes(reader, ahead.failed || size < 5 ? SIZE_MAX : size);
    case BSON_BINARY:
        return wire_bytes(reader, ahead.failed ? SIZE_MAX : 5 + size);
    case BSON_UNDEFINED:
    case BSON_NULL:
    case BSON_MIN_KEY:
    case BSON_MAX_KEY:
        return wire_bytes(reader, 0);
    case BSON_OBJECT_ID:
        return wire_bytes(reader, 12);
    case BSON_BOOLEAN:
        return wire_bytes(reader, 1);
    case BSON_DOUBLE:
    case BSON_DATE:
    case BSON_TIMESTAMP:
    case BSON_INT64:
        return wire_bytes(reader, 8);
    case BSON_INT32:
        return wire_bytes(reader, 4);
    case BSON_DECIMAL:
        return wire_bytes(reader, 16);
    case BSON_REGEX:
        (void)wire_string(reader);
        return wire_string(reader);
    default:
        return wire_bytes(reader, SIZE_MAX);
    }
}

/* The element of that name; false when the document has none, or is none. */
static bool find(struct span document, struct span name, uint8_t *ret_type, struct span *ret_value)
{
    struct wire_reader reader = wire_reader_of(document);

    wire_skip(&reader, 4);
    while (!reader.failed) {
        uint8_t type = wire_u8(&reader);
        struct span key;
        struct span value;
        if (type == 0) {
            return false;
        }
        key = wire_string(&reader);
        value = read_value(&reader, type);
        if (!reader.failed && span_equal(key, name)) {
            *ret_type = type;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* A number of whatever kind, as long as it is small and whole: `otherwise` where there is none. */
static int64_t find_number(struct span document, struct span name, int64_t otherwise)
{
    struct wire_reader reader;
    uint8_t type;
    struct span value;
    uint64_t bits;
    double number;

    if (!find(document, name, &type, &value)) {
        return otherwise;
    }
    reader = wire_reader_of(value);
    switch (type) {
    case BSON_INT32:
        return (int32_t)wire_u32_le(&reader);
    case BSON_INT64:
        return (int64_t)wire_u64_le(&reader);
    case BSON_BOOLEAN:
        return wire_u8(&reader) != 0;
    case BSON_DOUBLE:
        bits = wire_u64_le(&reader);
        memcpy(&number, &bits, sizeof(number));
        return number >= 0 && number < 1e9 ? (int64_t)number : otherwise;
    default:
        return otherwise;
    }
}

static struct span find_string(struct span document, struct span name)
{
    struct wire_reader reader;
    uint8_t type;
    struct span value;

    if (!find(document, name, &type, &value) || type != BSON_STRING) {
        return (struct span){NULL, 0};
    }
    reader = wire_reader_of(span_from(value, 4));
    return wire_string(&reader);
}

/* The document of a reply; false when it holds none. */
static bool read_reply(uint32_t code, struct span body, struct span *ret_document)
{
    struct wire_reader reader = wire_reader_of(body);

    if (code == OP_REPLY) {
        wire_skip(&reader, REPLY_HEAD_SIZE);
    } else {
        wire_skip(&reader, 4);
        if (wire_u8(&reader) != 0) {
            return false;
        }
    }
    *ret_document = reader.rest;
    return !reader.failed && reader.rest.size >= 5;
}

static enum dialogue_next hear_master(struct dialogue *dialogue, struct span document)
{
    int64_t version = find_number(document, SPAN_OF("maxWireVersion"), 0);
    struct span me = find_string(document, SPAN_OF("me")); /* "host:port" */
    ptrdiff_t colon = span_find(me, SPAN_OF(":"));

    dialogue->recognised = true;
    dialogue->scratch[0] = version > 0 && version < INT32_MAX ? (uint64_t)version : 0;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    me.size = colon >= 0 ? (size_t)colon : me.size;
    facts_set_text(dialogue->facts, "hostname", me);
    dialogue->step = ASKED_BUILD;
    send_command(dialogue, "buildInfo", SPAN_OF(""));
    return DIALOGUE_WAIT;
}

/* FerretDB says so in a part of its own. */
static enum dialogue_next hear_build(struct dialogue *dialogue, struct span document)
{
    struct span version = find_string(document, SPAN_OF("version"));
    uint8_t type;
    struct span ferret;

    if (find(document, SPAN_OF("ferretdb"), &type, &ferret) && type == BSON_DOCUMENT) {
        struct span own = find_string(ferret, SPAN_OF("version"));
        facts_set_string(dialogue->facts, "product", "FerretDB");
        version = own.size > 0 && own.bytes[0] == 'v' ? span_from(own, 1) : own;
    } else if (version.size > 0) {
        facts_set_string(dialogue->facts, "product", "MongoDB");
    }
    facts_set_text(dialogue->facts, "version", version);
    if (!dialogue->target.doors) {
        return DIALOGUE_DONE;
    }
    dialogue->step = ASKED_DATABASES;
    send_command(dialogue, "listDatabases", SPAN_OF("\x08nameOnly\0\1"));
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear_databases(struct dialogue *dialogue, struct span document)
{
    uint8_t type;
    struct span databases;

    if (find_number(document, SPAN_OF("ok"), 0) == 1 && find(document, SPAN_OF("databases"), &type, &databases) &&
        type == BSON_ARRAY) {
        dialogue_open_door(dialogue, "listDatabases");
    } else if (find_number(document, SPAN_OF("code"), 0) == UNAUTHORIZED) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_message(struct dialogue *dialogue, uint32_t code, struct span body)
{
    struct span document;

    if (!read_reply(code, body, &document)) {
        return dialogue_end(dialogue);
    }
    switch ((enum step)dialogue->step) {
    case ASKED_MASTER:
        return hear_master(dialogue, document);
    case ASKED_BUILD:
        return hear_build(dialogue, document);
    case ASKED_DATABASES:
    default:
        return hear_databases(dialogue, document);
    }
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint32_t size;
    uint32_t answers;
    uint32_t code;
    struct span body;

    size = wire_u32_le(&reader);
    wire_skip(&reader, 4);
    answers = wire_u32_le(&reader);
    code = wire_u32_le(&reader);
    body = wire_bytes(&reader, (size_t)size - HEADER_SIZE);
    if (match == PROTOCOL_NO) {
        return dialogue_end(dialogue);
    }
    if (match == PROTOCOL_MAYBE || reader.failed) {
        return DIALOGUE_WAIT;
    }
    if (answers != REQUEST_ID + dialogue->step) {
        return dialogue_end(dialogue);
    }
    dialogue_take(dialogue, size);
    return hear_message(dialogue, code, body);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_mongodb = {
    .name = "mongodb",
    .ports = "27017,27018,27019",
    .tls_ports = "27017",
    .rank = 8,
    .delicate = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
