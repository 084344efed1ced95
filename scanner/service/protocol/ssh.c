/* SSH: the identification that both sides exchange first (RFC 4253, section 4.2). The server is told who has looked,
 * and in the protocol's own words that this was all (section 11.1): it then notes an orderly end, where one that breaks
 * off without a word is noted as an error and, by those who count such, shut out. */
#include "scanner/service/lines.h"
#include "scanner/service/protocol/all.h"

enum { IDENTIFICATION_MAX = 255, PRELUDE_MAX = 4096, PACKET_SIZE = 64, BLOCK_SIZE = 8, PADDING_LEAST = 4 };

/* Section 12; section 11.1. */
enum { MSG_DISCONNECT = 1, DISCONNECT_BY_APPLICATION = 11 };

enum step { IDENTIFICATION, PARTING };

static enum protocol_match recognise(struct span bytes)
{
    const struct span sign = SPAN_OF("SSH-");

    if (bytes.size < sign.size) {
        return span_starts(sign, bytes) ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return span_starts(bytes, sign) ? PROTOCOL_YES : PROTOCOL_NO;
}

/* Our identification, and the packet that ends what has not begun (section 6: its length, padding to whole blocks). */
static void part(struct dialogue *dialogue)
{
    const struct span reason = SPAN_OF("version seen");
    uint8_t bytes[PACKET_SIZE];
    struct wire_writer packet = wire_writer_of(bytes, sizeof(bytes));
    size_t padding;

    wire_put_u32(&packet, 0);
    wire_put_u8(&packet, 0);
    wire_put_u8(&packet, MSG_DISCONNECT);
    wire_put_u32(&packet, DISCONNECT_BY_APPLICATION);
    wire_put_u32(&packet, (uint32_t)reason.size);
    wire_put(&packet, reason);
    wire_put_u32(&packet, 0); /* no language */
    padding = PADDING_LEAST + BLOCK_SIZE - 1 - (packet.size + PADDING_LEAST + BLOCK_SIZE - 1) % BLOCK_SIZE;
    wire_put_zeros(&packet, padding);
    wire_patch_u32(&packet, 0, (uint32_t)(packet.size - sizeof(uint32_t)));
    bytes[sizeof(uint32_t)] = (uint8_t)padding;
    dialogue_send_text(dialogue, "SSH-2.0-Leastport\r\n");
    dialogue_send(dialogue, wire_written(&packet));
}

/* "SSH-2.0-OpenSSH_9.2p1 Debian-2". 1.99 is a server that speaks 1 as well (section 5.1). */
static enum dialogue_next identified(struct dialogue *dialogue, struct span line)
{
    dialogue->recognised = true;
    facts_set_text(dialogue->facts, "banner", line);
    facts_set_truth(dialogue->facts, "cleartext", false);
    if (!span_starts(line, SPAN_OF("SSH-2.0-")) && !span_starts(line, SPAN_OF("SSH-1.99-"))) {
        return DIALOGUE_DONE;
    }
    dialogue->step = PARTING;
    part(dialogue);
    return DIALOGUE_WAIT;
}

/* A server may say other lines before (section 4.2). What follows our farewell is not listened to. */
static enum dialogue_next answered(struct dialogue *dialogue, struct span line)
{
    return dialogue->step == IDENTIFICATION && recognise(line) == PROTOCOL_YES ? identified(dialogue, line)
                                                                               : DIALOGUE_WAIT;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    enum dialogue_next next = lines_hear(dialogue, event, answered);

    if (dialogue->step == IDENTIFICATION && next == DIALOGUE_WAIT &&
        (dialogue->in.size > IDENTIFICATION_MAX || dialogue->scratch[LINES_SCRATCH] > PRELUDE_MAX)) {
        return DIALOGUE_FOREIGN;
    }
    return next;
}

const struct protocol protocol_ssh = {
    .name = "ssh",
    .ports = "22,2222",
    .tls_ports = "",
    .greets = true,
    .recognise = recognise,
    .hear = hear,
};
