/* Memcached's text protocol (doc/protocol.txt of memcached, "version"). A server that wants a credential answers no
 * command before it was shown one: with a file of passwords it says so, with SASL it speaks its binary protocol only.
 * So the version is told only by one that is open. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

static const struct span version = SPAN_AS("VERSION ");
static const struct span refusal = SPAN_AS("CLIENT_ERROR unauthenticated");

static bool is_number(struct span text)
{
    return text.size > 0 && text.bytes[0] >= '0' && text.bytes[0] <= '9';
}

static enum protocol_match recognise(struct span bytes)
{
    if (bytes.size <= version.size && span_starts(version, bytes)) {
        return PROTOCOL_MAYBE;
    }
    if (span_starts(bytes, version)) {
        return is_number(span_from(bytes, version.size)) ? PROTOCOL_YES : PROTOCOL_NO;
    }
    if (bytes.size < refusal.size) {
        return span_starts(refusal, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, refusal) ? PROTOCOL_YES : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send_text(dialogue, "version\r\n");
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    if (recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    facts_set_string(dialogue->facts, "product", "Memcached");
    if (span_starts(line, version)) {
        facts_set_text(dialogue->facts, "version", span_trim(span_from(line, version.size)));
        dialogue_open_door(dialogue, "version");
    } else {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return lines_hear(dialogue, event, answered);
}

const struct protocol protocol_memcached = {
    .name = "memcached",
    .ports = "11211",
    .tls_ports = "11211",
    .rank = 12,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
