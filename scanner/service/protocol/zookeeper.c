/* ZooKeeper: the four letter word "srvr" (ZooKeeper Administrator's Guide, "ZooKeeper Commands"), which is answered
 * unless it is taken off the list of those that are, and then with words that no other server has. The server closes
 * after its answer. That is no door: the word is answered before any session, whatever its nodes' access lists and
 * "enforce.auth.enabled" say, and a session, which alone would show it, is written to the log of all servers. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

static const struct span version = SPAN_AS("Zookeeper version: ");
static const struct span idle = SPAN_AS("This ZooKeeper instance is not currently serving requests");
/* Behind the word that was asked, whichever it was. */
static const struct span unlisted = SPAN_AS(" is not executed because it is not in the whitelist.");

enum { WORD_SIZE = 4 };

static enum protocol_match recognise(struct span bytes)
{
    struct span behind = span_from(bytes, WORD_SIZE);

    if (span_starts(bytes, version) || span_starts(bytes, idle) ||
        (span_starts(behind, unlisted) && lines_is_text((struct span){bytes.bytes, WORD_SIZE}))) {
        return PROTOCOL_YES;
    }
    if (span_starts(version, bytes) || span_starts(idle, bytes)) {
        return PROTOCOL_MAYBE;
    }
    return span_starts(unlisted, behind) && lines_is_text(bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
}

static void ask(struct dialogue *dialogue)
{
    dialogue_send_text(dialogue, "srvr");
}

/* "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 08:49 UTC" */
static void learn_version(struct dialogue *dialogue, struct span line)
{
    struct span number = span_from(line, version.size);
    size_t size = 0;

    while (size < number.size && number.bytes[size] != '-' && number.bytes[size] != ',') {
        size++;
    }
    number.size = size;
    facts_set_text(dialogue->facts, "version", span_trim(number));
}

static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    if (!dialogue->recognised && recognise(line) != PROTOCOL_YES) {
        return DIALOGUE_FOREIGN;
    }
    if (!dialogue->recognised) {
        dialogue->recognised = true;
        facts_set_text(dialogue->facts, "banner", line);
        facts_set_string(dialogue->facts, "product", "ZooKeeper");
        facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
        if (span_starts(line, version)) {
            learn_version(dialogue, line);
        }
    }
    return DIALOGUE_WAIT;
}

/* An answer's only line may lack its end. */
static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next = lines_hear(dialogue, event, answered);

    if (event != DIALOGUE_ARRIVED && next == DIALOGUE_FOREIGN && dialogue->in.size <= LINES_LINE_MAX &&
        recognise(dialogue->in) == PROTOCOL_YES) {
        (void)answered(dialogue, dialogue->in);
        return DIALOGUE_DONE;
    }
    return next;
}

const struct protocol protocol_zookeeper = {
    .name = "zookeeper",
    .ports = "2181",
    .tls_ports = "2281",
    .rank = 20,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
