/* LDAP: a search for the root DSE, which is open to everyone (RFC 4511, sections 4.1.1, 4.5 and 4.14; RFC 4512, section
 * 5.1; RFC 3045 for vendor and version), an anonymous bind (RFC 4513, section 5.1.1), and StartTLS. */
#include "scanner/service/protocol/all.h"

enum {
    TAG_BOOLEAN = 0x01,
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_ENUMERATED = 0x0a,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_BIND_RESPONSE = 0x61,
    TAG_SEARCH_REQUEST = 0x63,
    TAG_ENTRY = 0x64,
    TAG_SEARCH_DONE = 0x65,
    TAG_REFERENCE = 0x73,
    TAG_EXTENDED_RESPONSE = 0x78,
    TAG_PRESENT = 0x87,
};

enum { RESULT_SUCCESS = 0, RESULT_CONFIDENTIALITY_REQUIRED = 13 };
enum { MESSAGE_MAX = 32768, ATTRIBUTES_MAX = 64, VALUES_MAX = 256, METHODS_SIZE = 256 };

enum step { SEARCHED, BOUND, WANTED_TLS };

/* Bits of scratch[0]. */
enum { OFFERS_TLS = 1, HAS_ENTRY = 2 };

static const char start_tls[] = "1.3.6.1.4.1.1466.20037";

/* An element's content, and its tag; the reader fails on one that has no definite length (section 5.1). */
static struct span read_element(struct wire_reader *reader, uint8_t *ret_tag)
{
    size_t size;

    *ret_tag = wire_u8(reader);
    size = wire_u8(reader);
    if (size > 0x80 && size <= 0x84) {
        struct span digits = wire_bytes(reader, size - 0x80);
        size = 0;
        for (size_t i = 0; i < digits.size; i++) {
            size = size << 8 | digits.bytes[i];
        }
    } else if (size >= 0x80) {
        size = SIZE_MAX;
    }
    return wire_bytes(reader, size);
}

/* The content of an element that must have that tag. */
static struct span read_tagged(struct wire_reader *reader, uint8_t tag)
{
    uint8_t found;
    struct span content = read_element(reader, &found);

    if (found != tag) {
        reader->failed = true;
        return (struct span){NULL, 0};
    }
    return content;
}

static bool is_response(uint8_t tag)
{
    return tag == TAG_BIND_RESPONSE || tag == TAG_ENTRY || tag == TAG_SEARCH_DONE || tag == TAG_REFERENCE ||
           tag == TAG_EXTENDED_RESPONSE;
}

/* A message is a sequence of a small number and an operation. */
static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t tag = wire_u8(&reader);
    uint8_t size = wire_u8(&reader);

    if ((bytes.size > 0 && tag != TAG_SEQUENCE) || size > 0x84 || size == 0x80) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, size > 0x80 ? (size_t)size - 0x80 : 0);
    if (reader.rest.size > 0 && reader.rest.bytes[0] != TAG_INTEGER) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, 1);
    size = wire_u8(&reader);
    if (size > 4) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, size);
    tag = wire_u8(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return is_response(tag) ? PROTOCOL_YES : PROTOCOL_NO;
}

static void put_octets(struct wire_writer *writer, uint8_t tag, const char *text)
{
    struct span span = {(const uint8_t *)text, 0};

    while (text[span.size] != '\0') {
        span.size++;
    }
    wire_put_u8(writer, tag);
    wire_put_u8(writer, (uint8_t)span.size);
    wire_put(writer, span);
}

/* A length of four bytes is right for any content; it is written once that stands. */
static size_t begin(struct wire_writer *writer, uint8_t tag)
{
    wire_put_u8(writer, tag);
    wire_put_u8(writer, 0x84);
    wire_put_u32(writer, 0);
    return writer->size;
}

static void end(struct wire_writer *writer, size_t begun)
{
    wire_patch_u32(writer, begun - 4, (uint32_t)(writer->size - begun));
}

static void ask(struct dialogue *dialogue)
{
    static const char *const attributes[] = {
        "objectClass",         "supportedExtension", "supportedSASLMechanisms", "vendorName", "vendorVersion",
        "domainFunctionality", "dnsHostName",
    };
    uint8_t bytes[512];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));
    size_t message = begin(&writer, TAG_SEQUENCE);
    size_t search;
    size_t list;

    wire_put(&writer, SPAN_OF("\2\1\1"));
    search = begin(&writer, TAG_SEARCH_REQUEST);
    put_octets(&writer, TAG_OCTETS, ""); /* the root */
    /* The base object itself; aliases are not followed; no limit of entries, five seconds; values too. */
    wire_put(&writer, SPAN_OF("\x0a\1\0\x0a\1\0\2\1\0\2\1\5\1\1\0"));
    put_octets(&writer, TAG_PRESENT, "objectClass");
    list = begin(&writer, TAG_SEQUENCE);
    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
        put_octets(&writer, TAG_OCTETS, attributes[i]);
    }
    end(&writer, list);
    end(&writer, search);
    end(&writer, message);
    dialogue_send(dialogue, wire_written(&writer));
}

static enum dialogue_next bind_anonymously(struct dialogue *dialogue)
{
    dialogue->step = BOUND;
    dialogue_send(dialogue, SPAN_OF("\x30\x0c\2\1\2\x60\7\2\1\3\4\0\x80\0"));
    return DIALOGUE_WAIT;
}

static enum dialogue_next want_tls(struct dialogue *dialogue)
{
    dialogue->step = WANTED_TLS;
    dialogue_send(dialogue, SPAN_OF("\x30\x1d\2\1\3\x77\x18\x80\x16"));
    dialogue_send_text(dialogue, start_tls);
    return DIALOGUE_WAIT;
}

static void add_method(struct dialogue *dialogue, struct span method)
{
    const char *known = facts_text(dialogue->facts, "auth.methods");
    uint8_t bytes[METHODS_SIZE];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    if (known != NULL) {
        wire_put_text(&writer, known);
        wire_put_u8(&writer, ' ');
    }
    wire_put(&writer, method);
    if (!writer.failed) {
        facts_set_text(dialogue->facts, "auth.methods", wire_written(&writer));
    }
}

/* What no vendor's name says, others' attributes may. */
static void learn_product(struct dialogue *dialogue, const char *product)
{
    if (facts_find(dialogue->facts, "product") == NULL) {
        facts_set_string(dialogue->facts, "product", product);
    }
}

/* "389-Directory/2.3.1 B2023…": the number behind the slash, or the first there is. */
static void learn_version(struct dialogue *dialogue, struct span text)
{
    ptrdiff_t slash = span_find(text, SPAN_OF("/"));
    struct span version = slash >= 0 ? span_from(text, (size_t)slash + 1) : text;
    size_t size = 0;

    facts_set_text(dialogue->facts, "banner", text);
    while (version.size > 0 && (version.bytes[0] < '0' || version.bytes[0] > '9')) {
        version = span_from(version, 1);
    }
    while (size < version.size &&
           (version.bytes[size] == '.' || (version.bytes[size] >= '0' && version.bytes[size] <= '9'))) {
        size++;
    }
    version.size = size;
    facts_set_text(dialogue->facts, "version", version);
}

static void learn_value(struct dialogue *dialogue, struct span name, struct span value)
{
    const struct span tls = {(const uint8_t *)start_tls, sizeof(start_tls) - 1};

    if (span_starts_as(name, SPAN_OF("supportedExtension")) && span_equal(value, tls)) {
        dialogue->scratch[0] |= OFFERS_TLS;
    } else if (span_starts_as(name, SPAN_OF("supportedSASLMechanisms"))) {
        add_method(dialogue, value);
    } else if (span_starts_as(name, SPAN_OF("vendorName"))) {
        facts_set_text(dialogue->facts, "product", value);
    } else if (span_starts_as(name, SPAN_OF("vendorVersion"))) {
        learn_version(dialogue, value);
    } else if (span_starts_as(name, SPAN_OF("dnsHostName"))) {
        facts_set_text(dialogue->facts, "hostname", value);
    } else if (span_starts_as(name, SPAN_OF("domainFunctionality"))) {
        learn_product(dialogue, "Microsoft Active Directory");
    } else if (span_starts_as(value, SPAN_OF("OpenLDAProotDSE"))) {
        learn_product(dialogue, "OpenLDAP");
    }
}

static void read_entry(struct dialogue *dialogue, struct span entry)
{
    struct wire_reader reader = wire_reader_of(entry);
    struct wire_reader list;

    (void)read_tagged(&reader, TAG_OCTETS);
    list = wire_reader_of(read_tagged(&reader, TAG_SEQUENCE));
    dialogue->scratch[0] |= HAS_ENTRY;
    for (size_t i = 0; i < ATTRIBUTES_MAX && list.rest.size > 0 && !list.failed; i++) {
        struct wire_reader attribute = wire_reader_of(read_tagged(&list, TAG_SEQUENCE));
        struct span name = read_tagged(&attribute, TAG_OCTETS);
        struct wire_reader values = wire_reader_of(read_tagged(&attribute, TAG_SET));
        for (size_t j = 0; j < VALUES_MAX && values.rest.size > 0; j++) {
            struct span value = read_tagged(&values, TAG_OCTETS);
            if (values.failed) {
                break;
            }
            learn_value(dialogue, name, value);
        }
    }
}

/* The result that search, bind and StartTLS end with; -1 when there is none. */
static int result_of(struct span operation)
{
    struct wire_reader reader = wire_reader_of(operation);
    struct span code = read_tagged(&reader, TAG_ENUMERATED);

    return code.size == 1 ? code.bytes[0] : -1;
}

static void refuse_clear(struct dialogue *dialogue)
{
    dialogue->scratch[0] |= OFFERS_TLS;
    facts_set_truth(dialogue->facts, "tls.required", true);
    facts_set_truth(dialogue->facts, "cleartext", false);
}

static enum dialogue_next after_search(struct dialogue *dialogue, int result)
{
    if (!dialogue->secured && result == RESULT_CONFIDENTIALITY_REQUIRED) {
        refuse_clear(dialogue);
    } else if ((dialogue->scratch[0] & HAS_ENTRY) != 0) {
        facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
        if (!dialogue->secured) {
            facts_set_truth(dialogue->facts, "starttls", (dialogue->scratch[0] & OFFERS_TLS) != 0);
        }
    }
    if (dialogue->target.doors) {
        return bind_anonymously(dialogue);
    }
    return dialogue->secured || (dialogue->scratch[0] & OFFERS_TLS) == 0 ? DIALOGUE_DONE : want_tls(dialogue);
}

/* Whoever may bind without TLS and without a name need not have TLS. */
static enum dialogue_next after_bind(struct dialogue *dialogue, int result)
{
    if (result == RESULT_SUCCESS) {
        add_method(dialogue, SPAN_OF("anonymous"));
        if (!dialogue->secured) {
            facts_set_truth(dialogue->facts, "tls.required", false);
        }
    } else if (!dialogue->secured && result == RESULT_CONFIDENTIALITY_REQUIRED) {
        refuse_clear(dialogue);
    }
    return dialogue->secured || (dialogue->scratch[0] & OFFERS_TLS) == 0 ? DIALOGUE_DONE : want_tls(dialogue);
}

static enum dialogue_next hear_operation(struct dialogue *dialogue, uint8_t tag, struct span operation)
{
    dialogue->recognised = true;
    switch (tag) {
    case TAG_ENTRY:
        if (dialogue->step == SEARCHED) {
            read_entry(dialogue, operation);
        }
        return DIALOGUE_WAIT;
    case TAG_REFERENCE:
        return DIALOGUE_WAIT;
    case TAG_SEARCH_DONE:
        return dialogue->step == SEARCHED ? after_search(dialogue, result_of(operation)) : DIALOGUE_DONE;
    case TAG_BIND_RESPONSE:
        return dialogue->step == BOUND ? after_bind(dialogue, result_of(operation)) : DIALOGUE_DONE;
    case TAG_EXTENDED_RESPONSE: /* or the notice of disconnection */
    default:
        if (dialogue->step == WANTED_TLS && result_of(operation) == RESULT_SUCCESS) {
            facts_set_truth(dialogue->facts, "starttls", true);
            return DIALOGUE_SECURE;
        }
        facts_set_truth(dialogue->facts, "starttls", false);
        return DIALOGUE_DONE;
    }
}

/* How long the message that waits is in all; 0 as long as that is not known. */
static size_t message_size(struct span bytes, bool *ret_failed)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t tag;
    struct span content;
    size_t head;

    *ret_failed = recognise(bytes) == PROTOCOL_NO || bytes.size > MESSAGE_MAX;
    content = read_element(&reader, &tag);
    head = (size_t)(content.bytes - bytes.bytes);
    return reader.failed || *ret_failed ? 0 : head + content.size;
}

static enum dialogue_next hear_messages(struct dialogue *dialogue)
{
    enum dialogue_next next = DIALOGUE_WAIT;

    while (next == DIALOGUE_WAIT && dialogue->in.size > 0) {
        bool failed;
        size_t size = message_size(dialogue->in, &failed);
        struct wire_reader reader;
        uint8_t tag;
        struct span operation;
        if (size == 0) {
            return failed ? dialogue_end(dialogue) : DIALOGUE_WAIT;
        }
        reader = wire_reader_of((struct span){dialogue->in.bytes, size});
        reader = wire_reader_of(read_tagged(&reader, TAG_SEQUENCE));
        (void)read_tagged(&reader, TAG_INTEGER);
        operation = read_element(&reader, &tag);
        if (reader.failed || !is_response(tag)) {
            return dialogue_end(dialogue);
        }
        next = hear_operation(dialogue, tag, operation);
        dialogue_take(dialogue, size);
    }
    return next;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    if (event == DIALOGUE_SECURED) {
        return dialogue->step == WANTED_TLS ? DIALOGUE_DONE : DIALOGUE_WAIT;
    }
    return dialogue_outcome(dialogue, event, hear_messages(dialogue));
}

const struct protocol protocol_ldap = {
    .name = "ldap",
    .ports = "389,3268",
    .tls_ports = "636,3269",
    .rank = 10,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
