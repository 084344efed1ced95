/* SSH: the identification that both sides exchange first (RFC 4253, section 4.2). */
#include "scanner/service/protocol/all.h"

enum { IDENT_MAX = 255, PRELUDE_MAX = 4096 };

static enum protocol_match recognise(struct span bytes)
{
    const struct span sign = SPAN_OF("SSH-");

    if (bytes.size < sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) ? PROTOCOL_YES : PROTOCOL_NO;
}

/* "SSH-2.0-OpenSSH_9.2p1 Debian-2". 1.99 is a server that speaks 1 as well. */
static void learn(struct dialogue *dialogue, struct span line)
{
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", line);
    facts_set_truth(dialogue->facts, "cleartext", false);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    struct span line;

    if (event == DIALOGUE_SECURED) {
        return DIALOGUE_WAIT;
    }
    /* A server may say other lines before (section 4.2). */
    while (dialogue_take_line(dialogue, &line)) {
        if (span_starts(line, SPAN_OF("SSH-"))) {
            learn(dialogue, line);
            return DIALOGUE_DONE;
        }
        dialogue->step += (uint32_t)line.size + 1;
    }
    if (event != DIALOGUE_ARRIVED || dialogue->in.size > IDENT_MAX || dialogue->step > PRELUDE_MAX) {
        return DIALOGUE_FOREIGN;
    }
    return DIALOGUE_WAIT;
}

const struct protocol protocol_ssh = {
    .name = "ssh",
    .ports = "22,2222",
    .tls_ports = "",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
