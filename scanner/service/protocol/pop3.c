/* POP3: greeting and QUIT (RFC 1939, sections 4 and 6), CAPA (RFC 2449), STLS (RFC 2595, section 4). */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

enum step { GREETING, CAPABILITY, START, SECURE_CAPABILITY, GOODBYE };
enum scratch { SEEN };
enum seen { LISTING = 1, OFFERS_TLS = 2, OFFERS_AUTH = 4, OFFERS_APOP = 8 };

/* A refusal ("-ERR") says no more of POP3 than of Redis. */
static enum protocol_match recognise(struct span bytes)
{
    const struct span sign = SPAN_OF("+OK");

    if (bytes.size <= sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) && bytes.bytes[sign.size] == ' ' ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum dialogue_next ask(struct dialogue *dialogue, enum step step, const char *text)
{
    lines_ask(dialogue, step, text);
    return DIALOGUE_WAIT;
}

static enum dialogue_next part(struct dialogue *dialogue)
{
    return ask(dialogue, GOODBYE, "QUIT\r\n");
}

static bool is_positive(struct span line)
{
    return span_starts(line, SPAN_OF("+OK"));
}

/* A time stamp between angle brackets at the end offers APOP (RFC 1939, section 7); it is another each time. */
static enum dialogue_next greeted(struct dialogue *dialogue, struct span line)
{
    struct span text = span_trim(span_from(line, sizeof("+OK") - 1));
    ptrdiff_t stamp = span_find(text, SPAN_OF("<"));

    if (recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    if (stamp >= 0 && text.bytes[text.size - 1] == '>') {
        dialogue->scratch[SEEN] |= OFFERS_APOP;
        text.size = (size_t)stamp;
    }
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", span_trim(text));
    facts_set_string(dialogue->facts, "auth", "required");
    lines_learn_host(dialogue->facts, text);
    return ask(dialogue, CAPABILITY, "CAPA\r\n");
}

/* Until TLS stands nothing but USER, SASL or APOP lets anybody in (RFC 2449, section 6). */
static void judge(struct dialogue *dialogue)
{
    uint64_t seen = dialogue->scratch[SEEN];
    bool insists = (seen & OFFERS_TLS) != 0 && (seen & (OFFERS_AUTH | OFFERS_APOP)) == 0;

    if (dialogue->secured) {
        facts_set_truth(dialogue->facts, "cleartext", false);
        return;
    }
    facts_set_truth(dialogue->facts, "starttls", (seen & OFFERS_TLS) != 0);
    facts_set_truth(dialogue->facts, "cleartext", !insists);
    if (insists) {
        facts_set_truth(dialogue->facts, "tls.required", true);
    }
}

static void add_methods(struct dialogue *dialogue, struct span words)
{
    const char *known = facts_text(dialogue->facts, "auth.methods");
    uint8_t bytes[FACTS_TEXT_MAX];
    struct wire_writer methods = wire_writer_of(bytes, sizeof(bytes));
    struct span word;

    wire_put_text(&methods, known == NULL ? "" : known);
    while (lines_word(&words, &word)) {
        lines_add_method(&methods, word);
    }
    if (methods.size > 0) {
        facts_set_text(dialogue->facts, "auth.methods", wire_written(&methods));
        dialogue->scratch[SEEN] |= OFFERS_AUTH;
    }
}

static void learn_capability(struct dialogue *dialogue, struct span line)
{
    struct span name;

    if (!lines_word(&line, &name)) {
        return;
    }
    if (lines_is(name, SPAN_OF("STLS"))) {
        dialogue->scratch[SEEN] |= OFFERS_TLS;
    } else if (lines_is(name, SPAN_OF("USER"))) {
        add_methods(dialogue, name);
    } else if (lines_is(name, SPAN_OF("SASL"))) {
        add_methods(dialogue, line);
    } else if (lines_is(name, SPAN_OF("IMPLEMENTATION"))) {
        facts_set_text(dialogue->facts, "product", span_trim(line));
    }
}

/* The list ends with a line of one dot. Without CAPA there is no STLS. */
static enum dialogue_next capability_answered(struct dialogue *dialogue, struct span line)
{
    bool offers_tls;

    if ((dialogue->scratch[SEEN] & LISTING) == 0 && is_positive(line)) {
        dialogue->scratch[SEEN] |= LISTING;
        return DIALOGUE_WAIT;
    }
    if ((dialogue->scratch[SEEN] & LISTING) != 0 && !span_equal(line, SPAN_OF("."))) {
        learn_capability(dialogue, line);
        return DIALOGUE_WAIT;
    }
    if ((dialogue->scratch[SEEN] & LISTING) == 0 && !span_starts(line, SPAN_OF("-ERR"))) {
        return lines_end(dialogue);
    }
    offers_tls = (dialogue->scratch[SEEN] & OFFERS_TLS) != 0;
    if (dialogue->step == CAPABILITY) {
        judge(dialogue);
    }
    dialogue->scratch[SEEN] &= ~(uint64_t)LISTING;
    return dialogue->step == CAPABILITY && offers_tls && !dialogue->secured ? ask(dialogue, START, "STLS\r\n")
                                                                            : part(dialogue);
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    switch ((enum step)dialogue->step) {
    case GREETING:
        return greeted(dialogue, line);
    case CAPABILITY:
    case SECURE_CAPABILITY:
        return capability_answered(dialogue, line);
    case START:
        if (is_positive(line)) {
            return DIALOGUE_SECURE;
        }
        dialogue->scratch[SEEN] &= ~(uint64_t)OFFERS_TLS;
        judge(dialogue);
        return part(dialogue);
    case GOODBYE:
        break;
    }
    return lines_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    /* What was said in clear is void (RFC 2595, section 4). */
    if (event == DIALOGUE_SECURED && dialogue->step == START) {
        return ask(dialogue, SECURE_CAPABILITY, "CAPA\r\n");
    }
    return lines_hear(dialogue, event, answered);
}

const struct protocol protocol_pop3 = {
    .name = "pop3",
    .ports = "110",
    .tls_ports = "995",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
