/* NFS: program 100003 of ONC RPC (RFC 1813, RFC 7530). It is called in version 0, which no server has, so that it says
 * which it has (RFC 5531, section 9). Nothing is mounted or looked up. */
#include "scanner/service/protocol/all.h"
#include "scanner/service/rpc.h"

#include <stdio.h>

enum { PROGRAM = 100003, TRANSACTION = 0x4c704e46, VERSION_MAX = 100 };

static enum protocol_match recognise(struct span bytes)
{
    return rpc_recognise(bytes, TRANSACTION);
}

static void ask(struct dialogue *dialogue)
{
    const struct rpc_call call = {.transaction = TRANSACTION, .program = PROGRAM};
    uint8_t bytes[64];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    rpc_put_call(&writer, &call);
    dialogue_send(dialogue, wire_written(&writer));
}

static enum dialogue_next hear_reply(struct dialogue *dialogue, const struct rpc_reply *reply)
{
    char text[32];

    if (reply->status == RPC_PROGRAM_UNAVAILABLE) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    facts_set_truth(dialogue->facts, "cleartext", !dialogue->secured);
    if (reply->status == RPC_VERSION_MISMATCH && reply->lowest <= reply->highest && reply->highest <= VERSION_MAX) {
        (void)snprintf(text, sizeof(text), "versions %u to %u", reply->lowest, reply->highest);
        facts_set_string(dialogue->facts, "banner", text);
    }
    return DIALOGUE_DONE;
}

static enum dialogue_next hear_bytes(struct dialogue *dialogue)
{
    enum protocol_match match = recognise(dialogue->in);
    struct rpc_reply reply;
    size_t size;

    if (match == PROTOCOL_YES) {
        match = rpc_read_reply(dialogue->in, &reply, &size);
    }
    if (match == PROTOCOL_YES) {
        enum dialogue_next next = hear_reply(dialogue, &reply);
        dialogue_take(dialogue, size);
        return next;
    }
    return match == PROTOCOL_MAYBE ? DIALOGUE_WAIT : DIALOGUE_FOREIGN;
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_nfs = {
    .name = "nfs",
    .ports = "2049",
    .tls_ports = "",
    .rank = 19,
    .waits = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
