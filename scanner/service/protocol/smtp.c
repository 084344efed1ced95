/* SMTP: greeting and EHLO (RFC 5321, sections 3.1 and 4.1.1.1), STARTTLS (RFC 3207), the ways to authenticate (RFC
 * 4954). Whether a server goes on without TLS is asked by RSET, which changes nothing and which one that insists on TLS
 * refuses with 530 (RFC 3207, section 4). No mail is begun, so relaying is never tried. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

#include <errno.h>

/* RFC 2606: a name that is nobody's. */
#define HELLO_TEXT "EHLO leastport.invalid\r\n"
#define OLD_HELLO_TEXT "HELO leastport.invalid\r\n"

/* Servers that want to see whether a client waits for its turn greet after five or six seconds. */
enum { PATIENCE_MS = 10000 };

enum step { GREETING, HELLO, OLD_HELLO, RESET, START, SECURE_HELLO, GOODBYE };
enum scratch { SEEN };
enum seen { OFFERS_TLS = 1, OFFERS_AUTH = 2, SERVES = 4, INSISTS = 8 };

static bool is_greeting(unsigned int code)
{
    return code == 220 || code == 421 || code == 521 || code == 554;
}

/* Its text, which must begin with the name of the server's host (section 4.2). */
static struct span first_line(const struct reply *reply)
{
    struct span text = reply->text;
    struct span line = {NULL, 0};

    (void)reply_line(&text, &line);
    return line;
}

static bool names_host(const struct reply *reply)
{
    struct span line = first_line(reply);
    struct span host;

    return lines_word(&line, &host) && lines_is_domain(host);
}

/* FTP greets by the same number: the name of the protocol tells, or else that a host's name comes first. */
static enum protocol_match recognise(struct span bytes)
{
    struct reply reply;
    struct span rest;
    int rc = reply_read(bytes, &reply, &rest);
    struct span said = rc == 0 ? reply.text : bytes;

    if (rc == -EBADMSG || said.size > LINES_LINE_MAX || !lines_is_text(said) ||
        (said.size > 0 && said.bytes[0] != '2' && said.bytes[0] != '4' && said.bytes[0] != '5')) {
        return PROTOCOL_NO;
    }
    if (rc == -EAGAIN) {
        return span_starts(said, SPAN_OF("220")) && lines_mention(said, SPAN_OF("SMTP")) ? PROTOCOL_YES
                                                                                         : PROTOCOL_MAYBE;
    }
    if (!is_greeting(reply.code) || lines_mention(reply.text, SPAN_OF("FTP"))) {
        return PROTOCOL_NO;
    }
    return lines_mention(reply.text, SPAN_OF("SMTP")) || names_host(&reply) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum dialogue_next ask(struct dialogue *dialogue, enum step step, const char *text)
{
    lines_ask(dialogue, step, text);
    return DIALOGUE_WAIT;
}

static enum dialogue_next greeted(struct dialogue *dialogue, const struct reply *reply)
{
    if (!is_greeting(reply->code)) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = lines_mention(reply->text, SPAN_OF("SMTP"));
    if (reply->code != 220) {
        dialogue->recognised |= recognise(reply->text) == PROTOCOL_YES;
        if (!dialogue->recognised) {
            return DIALOGUE_FOREIGN;
        }
    }
    dialogue->unwelcome = reply->code == 421;
    reply_banner(reply, SPAN_OF("SMTP"), dialogue->facts);
    lines_learn_host(dialogue->facts, first_line(reply));
    return reply->code == 220 ? ask(dialogue, HELLO, HELLO_TEXT) : ask(dialogue, GOODBYE, "QUIT\r\n");
}

/* The keywords behind the first line (section 4.1.1.1). "AUTH=" is what some said before RFC 4954. */
static uint64_t learn_extensions(struct dialogue *dialogue, const struct reply *reply)
{
    uint8_t bytes[FACTS_TEXT_MAX];
    struct wire_writer methods = wire_writer_of(bytes, sizeof(bytes));
    struct span text = reply->text;
    struct span line;
    struct span word;
    uint64_t seen = 0;

    (void)reply_line(&text, &line);
    while (reply_line(&text, &line)) {
        if (lines_is(line, SPAN_OF("STARTTLS"))) {
            seen |= OFFERS_TLS;
        }
        if (span_starts_as(line, SPAN_OF("AUTH ")) || span_starts_as(line, SPAN_OF("AUTH="))) {
            line = span_from(line, sizeof("AUTH"));
            while (lines_word(&line, &word)) {
                lines_add_method(&methods, word);
            }
        }
    }
    if (methods.size > 0) {
        seen |= OFFERS_AUTH;
        facts_set_text(dialogue->facts, "auth.methods", wire_written(&methods));
    }
    return seen;
}

/* A server that lets users authenticate inside TLS only does not serve them in clear, though it may take mail so. */
static void judge(struct dialogue *dialogue, uint64_t inside)
{
    uint64_t seen = dialogue->scratch[SEEN];

    facts_set_truth(dialogue->facts, "starttls", (seen & OFFERS_TLS) != 0);
    if ((seen & INSISTS) != 0) {
        facts_set_truth(dialogue->facts, "tls.required", true);
        facts_set_truth(dialogue->facts, "cleartext", false);
    } else if ((seen & (OFFERS_TLS | OFFERS_AUTH)) != OFFERS_TLS) {
        facts_set_truth(dialogue->facts, "cleartext", true);
    } else if ((seen & SERVES) != 0) {
        facts_set_truth(dialogue->facts, "cleartext", (inside & OFFERS_AUTH) == 0);
    }
}

static enum dialogue_next hello_answered(struct dialogue *dialogue, const struct reply *reply)
{
    if (reply->code == 250) {
        dialogue->recognised = true;
        lines_learn_host(dialogue->facts, first_line(reply));
        dialogue->scratch[SEEN] = learn_extensions(dialogue, reply);
        if (dialogue->secured) {
            facts_set_truth(dialogue->facts, "cleartext", false);
            return ask(dialogue, GOODBYE, "QUIT\r\n");
        }
        judge(dialogue, 0);
        return (dialogue->scratch[SEEN] & OFFERS_TLS) != 0 ? ask(dialogue, RESET, "RSET\r\n")
                                                           : ask(dialogue, GOODBYE, "QUIT\r\n");
    }
    if (dialogue->step == HELLO && reply->code >= 500) {
        return ask(dialogue, OLD_HELLO, OLD_HELLO_TEXT);
    }
    return dialogue->recognised ? ask(dialogue, GOODBYE, "QUIT\r\n") : DIALOGUE_FOREIGN;
}

static enum dialogue_next reset_answered(struct dialogue *dialogue, const struct reply *reply)
{
    if (reply->code == 250) {
        dialogue->scratch[SEEN] |= SERVES;
    } else if (reply->code >= 500 && lines_mention(reply->text, SPAN_OF("TLS"))) {
        dialogue->scratch[SEEN] |= INSISTS;
    }
    judge(dialogue, 0);
    return ask(dialogue, START, "STARTTLS\r\n");
}

static enum dialogue_next answered(struct dialogue *dialogue, const struct reply *reply)
{
    switch ((enum step)dialogue->step) {
    case GREETING:
        return greeted(dialogue, reply);
    case HELLO:
    case OLD_HELLO:
        return hello_answered(dialogue, reply);
    case RESET:
        return reset_answered(dialogue, reply);
    case START:
        if (reply->code == 220) {
            return DIALOGUE_SECURE;
        }
        dialogue->scratch[SEEN] &= ~(uint64_t)OFFERS_TLS;
        judge(dialogue, 0);
        return ask(dialogue, GOODBYE, "QUIT\r\n");
    case SECURE_HELLO:
        judge(dialogue, reply->code == 250 ? learn_extensions(dialogue, reply) : 0);
        return ask(dialogue, GOODBYE, "QUIT\r\n");
    case GOODBYE:
        break;
    }
    return lines_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    /* What was said in clear is void: EHLO comes again (RFC 3207, section 4.2). */
    if (event == DIALOGUE_SECURED && dialogue->step == START) {
        return ask(dialogue, SECURE_HELLO, HELLO_TEXT);
    }
    return lines_hear_replies(dialogue, event, answered);
}

const struct protocol protocol_smtp = {
    .name = "smtp",
    .ports = "25,587,2525",
    .tls_ports = "465",
    .greets = true,
    .patience_ms = PATIENCE_MS,
    .recognise = recognise,
    .hear = hear,
};
