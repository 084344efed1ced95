/* IMAP: greeting, CAPABILITY, STARTTLS and LOGOUT (RFC 9051, sections 7.1, 6.1.1, 6.2.1 and 6.1.3; RFC 3501), and ID
 * (RFC 2971), which a server may answer before anybody has logged in. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

enum step { GREETING, CAPABILITY, IDENTITY, START, SECURE_CAPABILITY, GOODBYE };
enum scratch { SEEN };
enum seen { OFFERS_TLS = 1, OFFERS_AUTH = 2, LOGIN_DISABLED = 4, OFFERS_ID = 8 };

static enum protocol_match recognise(struct span bytes)
{
    static const struct span signs[] = {SPAN_AS("* OK "), SPAN_AS("* PREAUTH "), SPAN_AS("* BYE ")};
    enum protocol_match match = PROTOCOL_NO;

    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
        if (span_starts_as(bytes, signs[i])) {
            return PROTOCOL_YES;
        }
        match = span_starts_as(signs[i], bytes) ? PROTOCOL_MAYBE : match;
    }
    return match;
}

static enum dialogue_next ask(struct dialogue *dialogue, enum step step, const char *text)
{
    lines_ask(dialogue, step, text);
    return DIALOGUE_WAIT;
}

static enum dialogue_next part(struct dialogue *dialogue)
{
    return ask(dialogue, GOODBYE, "z LOGOUT\r\n");
}

/* Behind "* OK" and what stands in brackets. */
static void learn_banner(struct dialogue *dialogue, struct span text)
{
    ptrdiff_t end = span_starts(text, SPAN_OF("[")) ? span_find(text, SPAN_OF("]")) : -1;
    struct span behind = end < 0 ? text : span_trim(span_from(text, (size_t)end + 1));

    facts_set_text(dialogue->facts, "banner", behind.size > 0 ? behind : text);
    lines_learn_host(dialogue->facts, behind);
}

static enum dialogue_next greeted(struct dialogue *dialogue, struct span line)
{
    struct span condition;

    if (recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    line = span_from(line, 1);
    (void)lines_word(&line, &condition);
    dialogue->recognised = true;
    learn_banner(dialogue, span_trim(line));
    if (lines_is(condition, SPAN_OF("BYE"))) {
        return DIALOGUE_DONE;
    }
    if (lines_is(condition, SPAN_OF("PREAUTH"))) {
        dialogue_open_door(dialogue, "greeting PREAUTH");
    } else {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return ask(dialogue, CAPABILITY, "a CAPABILITY\r\n");
}

static void learn_capabilities(struct dialogue *dialogue, struct span line)
{
    uint8_t bytes[FACTS_TEXT_MAX];
    struct wire_writer methods = wire_writer_of(bytes, sizeof(bytes));
    struct span word;
    uint64_t seen = 0;

    while (lines_word(&line, &word)) {
        seen |= lines_is(word, SPAN_OF("STARTTLS")) ? OFFERS_TLS : 0;
        seen |= lines_is(word, SPAN_OF("LOGINDISABLED")) ? LOGIN_DISABLED : 0;
        seen |= lines_is(word, SPAN_OF("ID")) ? OFFERS_ID : 0;
        if (span_starts_as(word, SPAN_OF("AUTH="))) {
            lines_add_method(&methods, span_from(word, sizeof("AUTH")));
        }
    }
    if (methods.size > 0) {
        seen |= OFFERS_AUTH;
        facts_set_text(dialogue->facts, "auth.methods", wire_written(&methods));
    }
    dialogue->scratch[SEEN] = seen;
}

/* The next string in double quotes (RFC 9051, section 4.3); what is escaped in it stays so. */
static bool take_quoted(struct span *rest, struct span *ret_string)
{
    size_t end = 1;

    while (rest->size > 0 && rest->bytes[0] != '"') {
        *rest = span_from(*rest, 1);
    }
    while (end < rest->size && rest->bytes[end] != '"') {
        end += rest->bytes[end] == '\\' ? 2 : 1;
    }
    if (end >= rest->size) {
        return false;
    }
    *ret_string = (struct span){rest->bytes + 1, end - 1};
    *rest = span_from(*rest, end + 1);
    return true;
}

/* ("name" "Cyrus" "version" "1.5" "os" "sunos"), RFC 2971, section 3.3. */
static void learn_identity(struct dialogue *dialogue, struct span line)
{
    struct span field;
    struct span value;

    while (take_quoted(&line, &field) && take_quoted(&line, &value)) {
        if (lines_is(field, SPAN_OF("name"))) {
            facts_set_text(dialogue->facts, "product", value);
        } else if (lines_is(field, SPAN_OF("version"))) {
            facts_set_text(dialogue->facts, "version", value);
        } else if (lines_is(field, SPAN_OF("os"))) {
            facts_set_text(dialogue->facts, "os", value);
        }
    }
}

/* LOGIN is always there unless it is said to be disabled (RFC 9051, section 6.2.3). */
static void judge(struct dialogue *dialogue)
{
    uint64_t seen = dialogue->scratch[SEEN];
    bool insists = (seen & LOGIN_DISABLED) != 0 && (seen & OFFERS_AUTH) == 0;

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

static enum dialogue_next go_on(struct dialogue *dialogue)
{
    uint64_t seen = dialogue->scratch[SEEN];

    if (dialogue->step == CAPABILITY && (seen & OFFERS_ID) != 0) {
        return ask(dialogue, IDENTITY, "b ID NIL\r\n");
    }
    return (seen & OFFERS_TLS) != 0 && !dialogue->secured ? ask(dialogue, START, "c STARTTLS\r\n") : part(dialogue);
}

/* What is not tagged may come at any time (section 2.2.2). */
static void hear_untagged(struct dialogue *dialogue, struct span line)
{
    bool lists = dialogue->step == CAPABILITY || dialogue->step == SECURE_CAPABILITY;

    if (lists && span_starts_as(line, SPAN_OF("* CAPABILITY "))) {
        learn_capabilities(dialogue, line);
    } else if (dialogue->step == IDENTITY && span_starts_as(line, SPAN_OF("* ID "))) {
        learn_identity(dialogue, line);
    }
}

/* "a OK done": whether it was done. */
static enum dialogue_next finished(struct dialogue *dialogue, bool done)
{
    switch ((enum step)dialogue->step) {
    case CAPABILITY:
        if (done) {
            judge(dialogue);
        }
        return go_on(dialogue);
    case IDENTITY:
        return go_on(dialogue);
    case START:
        if (done) {
            return DIALOGUE_SECURE;
        }
        dialogue->scratch[SEEN] &= ~(uint64_t)OFFERS_TLS;
        judge(dialogue);
        return part(dialogue);
    case SECURE_CAPABILITY:
        return part(dialogue);
    case GREETING:
    case GOODBYE:
        break;
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    static const char tags[] = {
        [CAPABILITY] = 'a', [IDENTITY] = 'b', [START] = 'c', [SECURE_CAPABILITY] = 'd', [GOODBYE] = 'z'};

    if (dialogue->step == GREETING) {
        return greeted(dialogue, line);
    }
    if (line.size > 2 && line.bytes[0] == (uint8_t)tags[dialogue->step] && line.bytes[1] == ' ') {
        return finished(dialogue, span_starts_as(span_from(line, 2), SPAN_OF("OK")));
    }
    hear_untagged(dialogue, line);
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    /* Capabilities that were said in clear are void (RFC 9051, section 6.2.1). */
    if (event == DIALOGUE_SECURED && dialogue->step == START) {
        return ask(dialogue, SECURE_CAPABILITY, "d CAPABILITY\r\n");
    }
    return lines_hear(dialogue, event, answered);
}

const struct protocol protocol_imap = {
    .name = "imap",
    .ports = "143",
    .tls_ports = "993",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
