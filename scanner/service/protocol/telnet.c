/* Telnet: commands behind the byte IAC and the negotiation of options (RFC 854, RFC 855). Every option is refused,
 * which a server has to bear, so that its text comes: what it says before it asks for a name is its banner. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, SE = 240 };

enum { TEXT_SIZE = 2048, OPTION_KNOWN_MAX = 49, OPTION_LIST = 255 };

/* Which options were refused already: a server that asks twice gets no second answer (RFC 854, rule 4b). */
enum scratch { REFUSED_DO, REFUSED_WILL = REFUSED_DO + 4 };

struct text {
    uint8_t bytes[TEXT_SIZE];
    size_t size;
    bool commands; /* there were any */
};

static bool is_option(uint8_t byte)
{
    return byte <= OPTION_KNOWN_MAX || byte == OPTION_LIST;
}

/* Whether a text ends where a person is asked for a name or a password. */
static bool is_prompt(struct span text)
{
    static const struct span words[] = {SPAN_AS("login"), SPAN_AS("name"), SPAN_AS("user"), SPAN_AS("password"),
                                        SPAN_AS("passcode")};
    struct span line;

    while (span_line(text, &line, &text)) {
    }
    text = span_trim(text);
    if (text.size == 0 || text.size > 128 || text.bytes[text.size - 1] != ':') {
        return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (lines_mention(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* Text alone is telnet's only where it ends in a prompt, and until then anybody's. */
static enum protocol_match recognise(struct span bytes)
{
    if (bytes.size == 0) {
        return PROTOCOL_MAYBE;
    }
    if (bytes.bytes[0] != IAC) {
        return bytes.size > TEXT_SIZE || !lines_is_text(bytes) ? PROTOCOL_NO
               : is_prompt(bytes)                              ? PROTOCOL_YES
                                                               : PROTOCOL_MAYBE;
    }
    if (bytes.size < 3) {
        return bytes.size == 1 || (bytes.bytes[1] >= SB && bytes.bytes[1] <= DONT) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return bytes.bytes[1] >= SB && bytes.bytes[1] <= DONT && is_option(bytes.bytes[2]) ? PROTOCOL_YES : PROTOCOL_NO;
}

static void refuse(struct dialogue *dialogue, uint8_t command, uint8_t option)
{
    uint64_t *refused = &dialogue->scratch[(command == DO ? REFUSED_DO : REFUSED_WILL) + option / 64];
    uint64_t bit = UINT64_C(1) << (option % 64);
    const uint8_t answer[] = {IAC, command == DO ? WONT : DONT, option};

    if ((*refused & bit) == 0) {
        *refused |= bit;
        dialogue_send(dialogue, (struct span){answer, sizeof(answer)});
    }
}

/* Behind the end of a subnegotiation, or nothing as long as that is missing. */
static struct span after_subnegotiation(struct span rest)
{
    static const uint8_t end[] = {IAC, SE};
    ptrdiff_t at = span_find(rest, (struct span){end, sizeof(end)});

    return at < 0 ? span_from(rest, rest.size) : span_from(rest, (size_t)at + sizeof(end));
}

static void put(struct text *text, uint8_t byte)
{
    if (byte != 0 && text->size < sizeof(text->bytes)) {
        text->bytes[text->size++] = byte;
    }
}

/* One command, without IAC, of at least two bytes; what comes after it. */
static struct span hear_command(struct dialogue *dialogue, struct text *text, struct span rest)
{
    uint8_t command = rest.bytes[0];

    if (command == SB) {
        return after_subnegotiation(rest);
    }
    if (command >= WILL && command <= DONT) {
        text->commands = true;
        if (command == DO || command == WILL) {
            refuse(dialogue, command, rest.bytes[1]);
        }
        return span_from(rest, 2);
    }
    if (command == IAC) {
        put(text, IAC);
    }
    return span_from(rest, 1);
}

/* All that has come, from its start: it is not taken until the end. */
static void read_text(struct dialogue *dialogue, struct text *text)
{
    struct span rest = dialogue->in;

    while (rest.size > 0) {
        if (rest.bytes[0] != IAC) {
            put(text, rest.bytes[0]);
            rest = span_from(rest, 1);
        } else if (rest.size < 3) {
            return;
        } else {
            rest = hear_command(dialogue, text, span_from(rest, 1));
        }
    }
}

/* The first line that says anything; "host login:" names the host. */
static void learn(struct dialogue *dialogue, const struct text *text)
{
    struct span rest = {text->bytes, text->size};
    struct span line = {NULL, 0};
    struct span word;

    dialogue->recognised = true;
    while (span_trim(line).size == 0 && span_line(rest, &line, &rest)) {
    }
    line = span_trim(line).size == 0 ? rest : line;
    facts_set_text(dialogue->facts, "banner", span_trim(line));
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    while (span_line(rest, &line, &rest)) {
    }
    if (lines_word(&rest, &word) && lines_is(span_trim(rest), SPAN_OF("login:"))) {
        facts_set_text(dialogue->facts, "hostname", word);
    }
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    struct text text = {.size = 0};
    struct span said = {text.bytes, 0};
    bool more = event == DIALOGUE_ARRIVED || event == DIALOGUE_SECURED;
    bool asks;

    read_text(dialogue, &text);
    said.size = text.size;
    asks = is_prompt(said);
    if (text.commands || asks) {
        learn(dialogue, &text);
    }
    if (asks) {
        facts_set_string(dialogue->facts, "auth", "required");
        return DIALOGUE_DONE;
    }
    if (!more || dialogue->in.size > LINES_LINE_MAX || (!text.commands && recognise(dialogue->in) == PROTOCOL_NO)) {
        return lines_end(dialogue);
    }
    return DIALOGUE_WAIT;
}

const struct protocol protocol_telnet = {
    .name = "telnet",
    .ports = "23,2323",
    .tls_ports = "992",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
