/* Redis: commands and answers of RESP (the Redis serialization protocol specification, redis.io/docs/reference/
 * protocol-spec), INFO with its section "server", and PING. A server with a password answers neither but with NOAUTH;
 * one in protected mode greets strangers with DENIED. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

enum step { INFORMATION = 1, CONTENT, ALIVE };
enum scratch { CONTENT_LEFT };

/* Errors begin with a word for programs; "ERR" is of anybody who speaks RESP, so that more of it is needed. */
static const struct span errors[] = {
    SPAN_AS("-NOAUTH "),
    SPAN_AS("-DENIED Redis"),
    SPAN_AS("-NOPERM "),
    SPAN_AS("-LOADING "),
    SPAN_AS("-ERR unknown command '"),
    SPAN_AS("-ERR unknown command `"),
    SPAN_AS("-ERR wrong number of arguments for '"),
    SPAN_AS("-MISCONF "),
    SPAN_AS("-ERR Protocol error: "),
    SPAN_AS("-MASTERDOWN "),
    SPAN_AS("+PONG\r\n"),
    SPAN_AS("-ERR max number of clients reached"),
};

/* "$1234\r\n# Server\r\n", with any number. */
static enum protocol_match recognise_information(struct span bytes)
{
    const struct span sign = SPAN_OF("\r\n# Server\r\n");
    struct span rest = span_from(bytes, 1);

    while (rest.size > 0 && bytes.size - rest.size < 9 && rest.bytes[0] >= '0' && rest.bytes[0] <= '9') {
        rest = span_from(rest, 1);
    }
    if (rest.size < sign.size) {
        return span_starts(sign, rest) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(rest, sign) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum protocol_match recognise(struct span bytes)
{
    enum protocol_match match = PROTOCOL_NO;

    if (bytes.size > 0 && bytes.bytes[0] == '$') {
        return recognise_information(bytes);
    }
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        if (span_starts(bytes, errors[i])) {
            return PROTOCOL_YES;
        }
        match = span_starts(errors[i], bytes) ? PROTOCOL_MAYBE : match;
    }
    return match;
}

static void ask(struct dialogue *dialogue)
{
    if (dialogue->target.doors) {
        lines_ask(dialogue, INFORMATION, "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n");
    } else {
        lines_ask(dialogue, ALIVE, "*1\r\n$4\r\nPING\r\n");
    }
}

static void be_sure(struct dialogue *dialogue)
{
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
}

/* "redis_version:7.0.15". What stems from Redis keeps that line and adds one of its own. */
static void learn_field(struct dialogue *dialogue, struct span line)
{
    static const struct {
        struct span field;
        const char *fact;
        const char *product;
    } fields[] = {
        {SPAN_AS("redis_version:"), "version", "Redis"},
        {SPAN_AS("valkey_version:"), "version", "Valkey"},
        {SPAN_AS("dragonfly_version:"), "version", "Dragonfly"},
        {SPAN_AS("os:"), "os", NULL},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (span_starts(line, fields[i].field)) {
            facts_set_text(dialogue->facts, fields[i].fact, span_trim(span_from(line, fields[i].field.size)));
            if (fields[i].product != NULL) {
                facts_set_string(dialogue->facts, "product", fields[i].product);
            }
        }
    }
}

/* "$1234": so many bytes follow, with an end of line that is not counted. */
static enum dialogue_next begin_content(struct dialogue *dialogue, struct span line)
{
    uint64_t size = 0;

    for (struct span digits = span_from(line, 1); digits.size > 0; digits = span_from(digits, 1)) {
        if (digits.bytes[0] < '0' || digits.bytes[0] > '9' || size > LINES_ALL_MAX) {
            return lines_end(dialogue);
        }
        size = size * 10 + (uint64_t)(digits.bytes[0] - '0');
    }
    dialogue->scratch[CONTENT_LEFT] = size;
    dialogue->step = CONTENT;
    return size == 0 ? lines_end(dialogue) : DIALOGUE_WAIT;
}

static enum dialogue_next hear_content(struct dialogue *dialogue, struct span line)
{
    uint64_t size = line.size + 2;

    if (!dialogue->recognised && !span_equal(line, SPAN_OF("# Server"))) {
        return DIALOGUE_FOREIGN;
    }
    if (!dialogue->recognised) {
        be_sure(dialogue);
        dialogue_open_door(dialogue, "INFO");
    }
    learn_field(dialogue, line);
    dialogue->scratch[CONTENT_LEFT] -= size < dialogue->scratch[CONTENT_LEFT] ? size : dialogue->scratch[CONTENT_LEFT];
    return dialogue->scratch[CONTENT_LEFT] == 0 ? DIALOGUE_DONE : DIALOGUE_WAIT;
}

/* A command that is renamed or not allowed leaves open whether others are: PING shows it. */
static enum dialogue_next refused(struct dialogue *dialogue, struct span line)
{
    bool no_command = span_starts(line, SPAN_OF("-ERR unknown command")) || span_starts(line, SPAN_OF("-NOPERM "));

    be_sure(dialogue);
    if (span_starts(line, SPAN_OF("-NOAUTH "))) {
        facts_set_string(dialogue->facts, "auth", "required");
    }
    if (dialogue->step == INFORMATION && no_command) {
        lines_ask(dialogue, ALIVE, "*1\r\n$4\r\nPING\r\n");
        return DIALOGUE_WAIT;
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    if (dialogue->step == CONTENT) {
        return hear_content(dialogue, line);
    }
    if (line.size > 1 && line.bytes[0] == '$' && dialogue->step == INFORMATION) {
        return begin_content(dialogue, line);
    }
    if (span_equal(line, SPAN_OF("+PONG")) && dialogue->step == ALIVE) {
        be_sure(dialogue);
        dialogue_open_door(dialogue, "PING");
        return DIALOGUE_DONE;
    }
    return recognise(line) == PROTOCOL_YES ? refused(dialogue, line) : lines_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return lines_hear(dialogue, event, answered);
}

const struct protocol protocol_redis = {
    .name = "redis",
    .ports = "6379,6380,26379",
    .tls_ports = "6379,6380",
    .rank = 4,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
