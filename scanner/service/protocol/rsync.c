/* The rsync daemon: its greeting, "#list", and the name of a module (rsync's csprotocol.txt, "the protocol start", and
 * rsyncd.conf(5)). Listing needs no credential even where each module wants one, so the door is a module: "@RSYNCD: OK"
 * is said to whoever may go on, before anything is read. A connection is good for one question, and only the first
 * modules are asked for. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

#include <stdio.h>
#include <string.h>

/* Protocol 31 is of 2013; from 32 on a client has to list digests behind it. */
#define GREETING_TEXT "@RSYNCD: 31.0\n"

enum { MODULES_MAX = 3, NAME_SIZE = 34 };
enum step { GREETING, LIST, GREETING_AGAIN, MODULE };
enum scratch { MODULES, ASKED, NAMES };

_Static_assert(NAMES * sizeof(uint64_t) + (size_t)MODULES_MAX * NAME_SIZE <= LINES_SCRATCH * sizeof(uint64_t),
               "the names fit in");

static const struct span sign = SPAN_AS("@RSYNCD: ");

static enum protocol_match recognise(struct span bytes)
{
    if (bytes.size <= sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) && bytes.bytes[sign.size] >= '0' && bytes.bytes[sign.size] <= '9' ? PROTOCOL_YES
                                                                                                      : PROTOCOL_NO;
}

static char *name_of(struct dialogue *dialogue, uint64_t module)
{
    return (char *)&dialogue->scratch[NAMES] + module * NAME_SIZE;
}

/* The version behind the sign is the protocol's, not the program's. */
static enum dialogue_next greeted(struct dialogue *dialogue, struct span line)
{
    if (recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", line);
    facts_set_string(dialogue->facts, "product", "rsync");
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (!dialogue->target.doors) {
        return DIALOGUE_DONE;
    }
    lines_ask(dialogue, LIST, GREETING_TEXT "#list\n");
    return DIALOGUE_WAIT;
}

/* "name           \tcomment"; lines without a tab are the server's message of the day. */
static void learn_module(struct dialogue *dialogue, struct span line)
{
    ptrdiff_t tab = span_find(line, SPAN_OF("\t"));
    struct span name = span_trim((struct span){line.bytes, tab < 0 ? 0 : (size_t)tab});

    if (name.size > 0 && name.size < NAME_SIZE && name.bytes[0] != '#' && name.bytes[0] != '@' && lines_is_text(name) &&
        memchr(name.bytes, '\r', name.size) == NULL && dialogue->scratch[MODULES] < MODULES_MAX) {
        memcpy(name_of(dialogue, dialogue->scratch[MODULES]), name.bytes, name.size);
        dialogue->scratch[MODULES]++;
    }
}

static enum dialogue_next next_module(struct dialogue *dialogue)
{
    if (dialogue->scratch[ASKED] >= dialogue->scratch[MODULES]) {
        return DIALOGUE_DONE;
    }
    dialogue->step = GREETING_AGAIN;
    return DIALOGUE_AGAIN;
}

static enum dialogue_next hear_list(struct dialogue *dialogue, struct span line)
{
    if (span_starts(line, SPAN_OF("@RSYNCD: EXIT"))) {
        return next_module(dialogue);
    }
    if (span_starts(line, SPAN_OF("@ERROR"))) {
        return DIALOGUE_DONE;
    }
    learn_module(dialogue, line);
    return DIALOGUE_WAIT;
}

static enum dialogue_next greeted_again(struct dialogue *dialogue, struct span line)
{
    if (recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_DONE;
    }
    dialogue->step = MODULE;
    dialogue_sendf(dialogue, GREETING_TEXT "%s\n", name_of(dialogue, dialogue->scratch[ASKED]));
    dialogue->scratch[ASKED]++;
    return DIALOGUE_WAIT;
}

static enum dialogue_next hear_module(struct dialogue *dialogue, struct span line)
{
    char question[NAME_SIZE + sizeof("module ")];

    if (span_equal(line, SPAN_OF("@RSYNCD: OK"))) {
        snprintf(question, sizeof(question), "module %s", name_of(dialogue, dialogue->scratch[ASKED] - 1));
        dialogue_open_door(dialogue, question);
        return DIALOGUE_DONE;
    }
    if (span_starts(line, SPAN_OF("@RSYNCD: AUTHREQD"))) {
        facts_set_string(dialogue->facts, "auth", "required");
        return next_module(dialogue);
    }
    return span_starts(line, SPAN_OF("@ERROR")) || span_starts(line, SPAN_OF("@RSYNCD: EXIT")) ? next_module(dialogue)
                                                                                               : DIALOGUE_WAIT;
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    switch ((enum step)dialogue->step) {
    case GREETING:
        return greeted(dialogue, line);
    case LIST:
        return hear_list(dialogue, line);
    case GREETING_AGAIN:
        return greeted_again(dialogue, line);
    case MODULE:
        return hear_module(dialogue, line);
    }
    return lines_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return lines_hear(dialogue, event, answered);
}

const struct protocol protocol_rsync = {
    .name = "rsync",
    .ports = "873",
    .tls_ports = "874",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
