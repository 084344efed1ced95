#include "scanner/service/lines.h"

#include <errno.h>

enum { CODE_SIZE = 3 };

enum dialogue_next lines_end(const struct dialogue *dialogue)
{
    return dialogue->recognised ? DIALOGUE_DONE : DIALOGUE_FOREIGN;
}

/* ---- lines and replies as they come ---- */

void lines_ask(struct dialogue *dialogue, uint32_t step, const char *text)
{
    dialogue->step = step;
    dialogue_send_text(dialogue, text);
}

/* False when the server says more than is listened to. */
static bool count(struct dialogue *dialogue, size_t size)
{
    dialogue->scratch[LINES_SCRATCH] += size;
    return size <= LINES_LINE_MAX && dialogue->scratch[LINES_SCRATCH] <= LINES_ALL_MAX;
}

/* A reply, or just a line as its text. 0, -EAGAIN as long as it is not whole, -EBADMSG. */
static int take(struct dialogue *dialogue, bool replies, struct reply *ret_reply)
{
    size_t waiting = dialogue->in.size;
    int rc;

    if (replies) {
        rc = reply_read(dialogue->in, ret_reply, &dialogue->in);
    } else {
        rc = dialogue_take_line(dialogue, &ret_reply->text) ? 0 : -EAGAIN;
    }
    if (rc == -EAGAIN && waiting > LINES_LINE_MAX) {
        return -EBADMSG;
    }
    return rc == 0 && !count(dialogue, waiting - dialogue->in.size) ? -EBADMSG : rc;
}

/* What a handler wanted, as far as it is possible after the event. */
static enum dialogue_next settle(struct dialogue *dialogue, enum dialogue_event event, enum dialogue_next next)
{
    bool waits = event == DIALOGUE_ARRIVED || event == DIALOGUE_SECURED;
    bool here = waits || event == DIALOGUE_LATE;

    if (next == DIALOGUE_SECURE) {
        dialogue_take(dialogue, dialogue->in.size);
    }
    return (next == DIALOGUE_WAIT && !waits) || (next == DIALOGUE_SECURE && !here) ? lines_end(dialogue) : next;
}

enum dialogue_next lines_hear(struct dialogue *dialogue, enum dialogue_event event, lines_handler *handler)
{
    enum dialogue_next next = DIALOGUE_WAIT;
    struct reply line = {0};
    int rc = 0;

    while (next == DIALOGUE_WAIT && (rc = take(dialogue, false, &line)) == 0) {
        next = handler(dialogue, line.text);
    }
    return rc == -EBADMSG ? lines_end(dialogue) : settle(dialogue, event, next);
}

enum dialogue_next lines_hear_replies(struct dialogue *dialogue, enum dialogue_event event, reply_handler *handler)
{
    enum dialogue_next next = DIALOGUE_WAIT;
    struct reply reply = {0};
    int rc = 0;

    while (next == DIALOGUE_WAIT && (rc = take(dialogue, true, &reply)) == 0) {
        next = handler(dialogue, &reply);
    }
    return rc == -EBADMSG ? lines_end(dialogue) : settle(dialogue, event, next);
}

/* ---- replies ---- */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The number that a line begins with, 0 when it does not; what stands behind it, 0 when nothing does. */
static unsigned int code_of(struct span line, uint8_t *ret_behind)
{
    unsigned int code = 0;

    for (size_t i = 0; i < CODE_SIZE; i++) {
        if (i >= line.size || !is_digit(line.bytes[i])) {
            return 0;
        }
        code = code * 10 + (unsigned int)(line.bytes[i] - '0');
    }
    *ret_behind = line.size > CODE_SIZE ? line.bytes[CODE_SIZE] : 0;
    return code;
}

int reply_read(struct span bytes, struct reply *ret_reply, struct span *ret_rest)
{
    struct span rest = bytes;
    struct span line;
    unsigned int code = 0;

    while (span_line(rest, &line, &rest)) {
        uint8_t behind = 0;
        unsigned int own = code_of(line, &behind);
        if (code == 0 && (own < 100 || own > 599 || (behind != 0 && behind != ' ' && behind != '-'))) {
            return -EBADMSG;
        }
        code = code == 0 ? own : code;
        if (own == code && behind != '-') {
            *ret_reply = (struct reply){code, {bytes.bytes, bytes.size - rest.size}};
            *ret_rest = rest;
            return 0;
        }
    }
    return -EAGAIN;
}

bool reply_line(struct span *text, struct span *ret_line)
{
    struct span line;
    uint8_t behind = 0;

    if (!span_line(*text, &line, text)) {
        return false;
    }
    /* FTP's lines between the first and the last may do without the digits. */
    if (code_of(line, &behind) != 0 && (behind == 0 || behind == ' ' || behind == '-')) {
        line = span_from(line, CODE_SIZE + 1);
    }
    *ret_line = span_trim(line);
    return true;
}

void reply_banner(const struct reply *reply, struct span name, struct facts *facts)
{
    struct span text = reply->text;
    struct span banner = {NULL, 0};
    struct span line;
    bool named = false;

    while (!named && reply_line(&text, &line)) {
        named = lines_mention(line, name);
        banner = named || banner.size == 0 ? line : banner;
    }
    facts_set_text(facts, "banner", banner);
}

/* ---- words ---- */

bool lines_word(struct span *line, struct span *ret_word)
{
    struct span word = span_trim(*line);

    *line = word;
    if (word.size == 0) {
        return false;
    }
    word.size = 0;
    while (word.size < line->size && line->bytes[word.size] != ' ' && line->bytes[word.size] != '\t') {
        word.size++;
    }
    *line = span_from(*line, word.size);
    *ret_word = word;
    return true;
}

bool lines_is(struct span a, struct span b)
{
    return a.size == b.size && span_starts_as(a, b);
}

bool lines_mention(struct span text, struct span what)
{
    while (text.size >= what.size) {
        if (span_starts_as(text, what)) {
            return true;
        }
        text = span_from(text, 1);
    }
    return false;
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool lines_is_domain(struct span word)
{
    size_t dots = 0;
    bool letters = false;
    uint8_t before = '.';

    for (size_t i = 0; i < word.size; i++) {
        uint8_t byte = word.bytes[i];
        if (byte == '.' ? before == '.' : !is_letter(byte) && !is_digit(byte) && byte != '-') {
            return false;
        }
        dots += byte == '.';
        letters |= is_letter(byte);
        before = byte;
    }
    return dots > 0 && letters && before != '.' && word.size <= 253;
}

void lines_learn_host(struct facts *facts, struct span text)
{
    struct span host;

    if (facts_find(facts, "hostname") == NULL && lines_word(&text, &host) && lines_is_domain(host)) {
        facts_set_text(facts, "hostname", host);
    }
}

bool lines_is_text(struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.bytes[i];
        if ((byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_method(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.bytes[i];
        if (!is_letter(byte) && !is_digit(byte) && byte != '-' && byte != '_') {
            return false;
        }
    }
    return name.size > 0;
}

void lines_add_method(struct wire_writer *list, struct span name)
{
    struct span there = wire_written(list);
    struct span other;

    while (lines_word(&there, &other)) {
        if (lines_is(other, name)) {
            return;
        }
    }
    if (is_method(name) && name.size + 1 <= list->room - list->size) {
        if (list->size > 0) {
            wire_put_u8(list, ' ');
        }
        wire_put(list, name);
    }
}
