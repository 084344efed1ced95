/* X11: the connection setup (X Window System Protocol, X Version 11, chapter 8 "Connection Setup"), without a cookie.
 * A display that lets us in has let anyone in, the door, and one that does not says why. */
#include "scanner/service/protocol/all.h"

#include <stdio.h>

enum {
    FAILED = 0,
    SUCCESS = 1,
    AUTHENTICATE = 2,
    MAJOR = 11,
    HEAD_SIZE = 8,
    VENDOR_AT = 40,
    VENDOR_MAX = 1024,
    REASON_MAX = 1024
};

static enum protocol_match recognise(struct span bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint8_t status = wire_u8(&reader);
    uint16_t major;
    uint16_t minor;
    uint16_t words;

    if (bytes.size > 0 && status > AUTHENTICATE) {
        return PROTOCOL_NO;
    }
    wire_skip(&reader, 1);
    major = wire_u16_le(&reader);
    if (!reader.failed && status != AUTHENTICATE && major != MAJOR) {
        return PROTOCOL_NO;
    }
    minor = wire_u16_le(&reader);
    words = wire_u16_le(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    if (status == AUTHENTICATE) {
        /* The five bytes before the length are unused, and 0 in practice. */
        return major == 0 && minor == 0 && bytes.bytes[1] == 0 && words > 0 && words < 64 ? PROTOCOL_YES : PROTOCOL_NO;
    }
    return minor == 0 && words > 0 ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send(dialogue, SPAN_OF("l\0\x0b\0\0\0\0\0\0\0\0\0"));
}

/* X.Org's release is a number: 12101007 is 21.1.7, 12013000 is 1.20.13. */
static void learn_release(struct dialogue *dialogue, struct span vendor, uint32_t release)
{
    unsigned int minor = release / 100000 % 100;
    unsigned int patch = release / 1000 % 100;
    char text[32];

    facts_set_text(dialogue->facts, "banner", vendor);
    if (!span_equal(vendor, SPAN_OF("The X.Org Foundation"))) {
        return;
    }
    facts_set_string(dialogue->facts, "product", "X.Org server");
    if (minor >= 21) {
        (void)snprintf(text, sizeof(text), "%u.%u.%u", minor, patch, release % 1000);
    } else {
        (void)snprintf(text, sizeof(text), "%u.%u.%u", release / 10000000, minor, patch);
    }
    facts_set_string(dialogue->facts, "version", text);
}

/* All that is read of a success is its vendor; the screens behind that may take many kilobytes. */
static enum dialogue_next hear_success(struct dialogue *dialogue)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    struct span vendor;
    uint32_t release;
    uint16_t size;

    wire_skip(&reader, HEAD_SIZE);
    release = wire_u32_le(&reader);
    wire_skip(&reader, 12);
    size = wire_u16_le(&reader);
    wire_skip(&reader, VENDOR_AT - HEAD_SIZE - 18);
    vendor = wire_bytes(&reader, size);
    if (reader.failed) {
        return size > VENDOR_MAX ? DIALOGUE_FOREIGN : DIALOGUE_WAIT;
    }
    dialogue->recognised = true;
    learn_release(dialogue, vendor, release);
    dialogue_open_door(dialogue, "connection setup");
    return DIALOGUE_DONE;
}

/* A failure says how long its reason is; that of a wish for more is padded with zeros. */
static enum dialogue_next hear_refusal(struct dialogue *dialogue)
{
    struct wire_reader reader = wire_reader_of(dialogue->in);
    uint8_t status = wire_u8(&reader);
    uint8_t size = wire_u8(&reader);
    uint16_t words;
    struct span reason;

    wire_skip(&reader, 4);
    words = wire_u16_le(&reader);
    reason = wire_bytes(&reader, (size_t)words * 4);
    if (reader.failed) {
        return words > REASON_MAX / 4 ? DIALOGUE_FOREIGN : DIALOGUE_WAIT;
    }
    reason.size = status == FAILED && size < reason.size ? size : reason.size;
    while (reason.size > 0 && reason.bytes[reason.size - 1] == '\0') {
        reason.size--;
    }
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", span_trim(reason));
    facts_set_string(dialogue->facts, "auth", "required");
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    enum dialogue_next next = DIALOGUE_WAIT;

    if (match == PROTOCOL_NO) {
        return DIALOGUE_FOREIGN;
    }
    if (match == PROTOCOL_YES) {
        next = dialogue->in.bytes[0] == SUCCESS ? hear_success(dialogue) : hear_refusal(dialogue);
    }
    if (dialogue->recognised) {
        facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    }
    return next;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_x11 = {
    .name = "x11",
    .ports = "6000,6001,6002,6003,6004,6005",
    .tls_ports = "",
    .rank = 21,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
