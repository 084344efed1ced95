/* FTP: replies (RFC 959, section 4.2), FEAT (RFC 2389), AUTH TLS (RFC 4217), and the anonymous user, whose password is
 * an address (RFC 1635, section 2). A server takes USER and AUTH on one connection in no order that all agree on, so
 * the door is asked on one and TLS on another. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

#include <errno.h>

/* Servers let whoever was refused wait for some seconds. */
enum { PATIENCE_MS = 10000 };

enum step { GREETING, FEATURES, SYSTEM, USER, PASSWORD, PARTING, GREETING_AGAIN, START, GOODBYE };
enum scratch { SEEN };
enum seen { OFFERS_TLS = 1, OFFERS_NONE = 2, SERVES = 4, INSISTS = 8 };

/* Or a delay. */
static bool is_refusal(unsigned int code)
{
    return code == 120 || code == 421 || code == 500 || code == 530;
}

static enum protocol_match may_be(struct span begun)
{
    bool greets = begun.size == 0 || begun.bytes[0] == '1' || begun.bytes[0] == '2' || begun.bytes[0] == '4' ||
                  begun.bytes[0] == '5';

    return greets ? PROTOCOL_MAYBE : PROTOCOL_NO;
}

/* SMTP greets by the same number. */
static enum protocol_match recognise(struct span bytes)
{
    struct reply reply;
    struct span rest;
    int rc = reply_read(bytes, &reply, &rest);
    struct span said = rc == 0 ? reply.text : bytes;

    if (rc == -EBADMSG || said.size > LINES_LINE_MAX || !lines_is_text(said) || lines_mention(said, SPAN_OF("SMTP"))) {
        return PROTOCOL_NO;
    }
    if (rc == -EAGAIN) {
        return span_starts(said, SPAN_OF("220")) && lines_mention(said, SPAN_OF("FTP")) ? PROTOCOL_YES : may_be(said);
    }
    if (reply.code == 220) {
        return PROTOCOL_YES;
    }
    return is_refusal(reply.code) && lines_mention(said, SPAN_OF("FTP")) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum dialogue_next ask(struct dialogue *dialogue, enum step step, const char *text)
{
    lines_ask(dialogue, step, text);
    return DIALOGUE_WAIT;
}

/* "220 ftp.example.com FTP server ready.", or a name without a dot before these words. */
static void learn_host(struct dialogue *dialogue, const struct reply *reply)
{
    struct span text = reply->text;
    struct span line;
    struct span host;

    if (!reply_line(&text, &line)) {
        return;
    }
    lines_learn_host(dialogue->facts, line);
    if (lines_word(&line, &host) && span_starts_as(span_trim(line), SPAN_OF("FTP server"))) {
        facts_set_text(dialogue->facts, "hostname", host);
    }
}

static enum dialogue_next greeted(struct dialogue *dialogue, const struct reply *reply)
{
    if (recognise(reply->text) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = lines_mention(reply->text, SPAN_OF("FTP"));
    reply_banner(reply, SPAN_OF("FTP"), dialogue->facts);
    if (reply->code == 120) {
        return DIALOGUE_WAIT;
    }
    if (reply->code != 220) {
        dialogue->unwelcome = reply->code == 421;
        return lines_end(dialogue);
    }
    learn_host(dialogue, reply);
    return ask(dialogue, FEATURES, "FEAT\r\n");
}

/* What is known of clear text and TLS so far. */
static void judge(struct dialogue *dialogue)
{
    uint64_t seen = dialogue->scratch[SEEN];

    if ((seen & (OFFERS_TLS | OFFERS_NONE)) != 0) {
        facts_set_truth(dialogue->facts, "starttls", (seen & OFFERS_TLS) != 0);
    }
    if (dialogue->secured) {
        facts_set_truth(dialogue->facts, "cleartext", false);
    } else if ((seen & INSISTS) != 0) {
        facts_set_truth(dialogue->facts, "tls.required", true);
        facts_set_truth(dialogue->facts, "cleartext", false);
    } else if ((seen & (SERVES | OFFERS_NONE)) != 0) {
        facts_set_truth(dialogue->facts, "cleartext", true);
    }
}

/* Whether there is something to be asked on a second connection. */
static bool wants_tls_tried(const struct dialogue *dialogue)
{
    return !dialogue->secured && (dialogue->scratch[SEEN] & OFFERS_NONE) == 0;
}

static enum dialogue_next part(struct dialogue *dialogue)
{
    judge(dialogue);
    return ask(dialogue, PARTING, "QUIT\r\n");
}

/* Recognised: what is there to be asked. Without FEAT whether AUTH is known is seen by trying it. */
static enum dialogue_next go_on(struct dialogue *dialogue)
{
    judge(dialogue);
    if (dialogue->target.doors) {
        return ask(dialogue, USER, "USER anonymous\r\n");
    }
    return wants_tls_tried(dialogue) ? ask(dialogue, START, "AUTH TLS\r\n") : ask(dialogue, GOODBYE, "QUIT\r\n");
}

/* " AUTH TLS", " AUTH SSL;TLS;" (RFC 4217, section 6). */
static enum dialogue_next features_answered(struct dialogue *dialogue, const struct reply *reply)
{
    struct span text = reply->text;
    struct span line;
    uint64_t seen = OFFERS_NONE;

    if (reply->code != 211) {
        return dialogue->recognised ? go_on(dialogue) : ask(dialogue, SYSTEM, "SYST\r\n");
    }
    dialogue->recognised = true;
    while (reply_line(&text, &line)) {
        if (span_starts_as(line, SPAN_OF("AUTH ")) &&
            (lines_mention(line, SPAN_OF("TLS")) || lines_mention(line, SPAN_OF("SSL")))) {
            seen = OFFERS_TLS;
        }
    }
    dialogue->scratch[SEEN] = dialogue->secured ? 0 : seen;
    return go_on(dialogue);
}

/* Not even the greeting has said that this is FTP. */
static enum dialogue_next system_answered(struct dialogue *dialogue, const struct reply *reply)
{
    if (reply->code != 215 && reply->code != 530) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    return go_on(dialogue);
}

/* RFC 2228, section 5.1: 534 and 533 for what policy wants protected; RFC 4217, section 10.1: 522. Many say it in
 * words only. */
static bool wants_tls(const struct reply *reply)
{
    return reply->code >= 400 &&
           (reply->code == 522 || reply->code == 533 || reply->code == 534 ||
            lines_mention(reply->text, SPAN_OF("TLS")) || lines_mention(reply->text, SPAN_OF("SSL")) ||
            lines_mention(reply->text, SPAN_OF("encrypt")) || lines_mention(reply->text, SPAN_OF("cleartext")) ||
            lines_mention(reply->text, SPAN_OF("AUTH first")));
}

static enum dialogue_next login_answered(struct dialogue *dialogue, const struct reply *reply)
{
    bool asked_for = reply->code == 331 || reply->code == 332;

    if (wants_tls(reply)) {
        dialogue->scratch[SEEN] |= dialogue->secured ? 0 : INSISTS;
        return part(dialogue);
    }
    if (reply->code == 230 || asked_for) {
        dialogue->scratch[SEEN] |= SERVES;
    }
    if (reply->code == 230) {
        dialogue_open_door(dialogue, "USER anonymous");
    } else if (reply->code == 331 && dialogue->step == USER) {
        judge(dialogue);
        return ask(dialogue, PASSWORD, "PASS leastport@leastport.invalid\r\n");
    } else if (reply->code == 530 || asked_for) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    return part(dialogue);
}

static enum dialogue_next answered(struct dialogue *dialogue, const struct reply *reply)
{
    switch ((enum step)dialogue->step) {
    case GREETING:
        return greeted(dialogue, reply);
    case FEATURES:
        return features_answered(dialogue, reply);
    case SYSTEM:
        return system_answered(dialogue, reply);
    case USER:
    case PASSWORD:
        return login_answered(dialogue, reply);
    case GREETING_AGAIN:
        return reply->code == 220 ? ask(dialogue, START, "AUTH TLS\r\n") : lines_end(dialogue);
    case START:
        dialogue->scratch[SEEN] |= reply->code == 234 ? OFFERS_TLS : 0;
        dialogue->scratch[SEEN] |= (dialogue->scratch[SEEN] & OFFERS_TLS) == 0 && reply->code >= 500 ? OFFERS_NONE : 0;
        judge(dialogue);
        return reply->code == 234 ? DIALOGUE_SECURE : ask(dialogue, GOODBYE, "QUIT\r\n");
    case PARTING:
    case GOODBYE:
        break;
    }
    return lines_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next;

    if (event == DIALOGUE_SECURED && dialogue->step == START) {
        return ask(dialogue, GOODBYE, "QUIT\r\n");
    }
    next = lines_hear_replies(dialogue, event, answered);
    /* However the first connection has ended: some let one who has failed wait for long. */
    if (next == DIALOGUE_DONE && dialogue->step >= USER && dialogue->step <= PARTING && wants_tls_tried(dialogue)) {
        dialogue->step = GREETING_AGAIN;
        return DIALOGUE_AGAIN;
    }
    return next;
}

const struct protocol protocol_ftp = {
    .name = "ftp",
    .ports = "21,2121",
    .tls_ports = "990",
    .greets = true,
    .patience_ms = PATIENCE_MS,
    .recognise = recognise,
    .hear = hear,
};
