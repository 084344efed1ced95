#include "scanner/service/rpc.h"

enum { RPC_VERSION = 2, CALL = 0, REPLY = 1, ACCEPTED = 0, AUTH_NONE = 0, REPLY_MIN = 20, VERIFIER_MAX = 400 };
enum { ACCEPT_SUCCESS = 0, ACCEPT_PROGRAM_UNAVAILABLE = 1, ACCEPT_VERSION_MISMATCH = 2 };

#define LAST_FRAGMENT UINT32_C(0x80000000)

void rpc_put_call(struct wire_writer *writer, const struct rpc_call *call)
{
    wire_put_u32(writer, LAST_FRAGMENT | 40);
    wire_put_u32(writer, call->transaction);
    wire_put_u32(writer, CALL);
    wire_put_u32(writer, RPC_VERSION);
    wire_put_u32(writer, call->program);
    wire_put_u32(writer, call->version);
    wire_put_u32(writer, call->procedure);
    wire_put_u32(writer, AUTH_NONE);
    wire_put_u32(writer, 0);
    wire_put_u32(writer, AUTH_NONE);
    wire_put_u32(writer, 0);
}

enum protocol_match rpc_recognise(struct span bytes, uint32_t transaction)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t mark = wire_u32(&reader);
    uint32_t found;
    uint32_t type;

    if (bytes.size > 0 && (bytes.bytes[0] & 0x80) == 0) {
        return PROTOCOL_NO;
    }
    if (!reader.failed && ((mark ^ LAST_FRAGMENT) < REPLY_MIN || (mark ^ LAST_FRAGMENT) > RPC_REPLY_MAX)) {
        return PROTOCOL_NO;
    }
    found = wire_u32(&reader);
    if (!reader.failed && found != transaction) {
        return PROTOCOL_NO;
    }
    type = wire_u32(&reader);
    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    return type == REPLY ? PROTOCOL_YES : PROTOCOL_NO;
}

static void read_accepted(struct wire_reader *reader, struct rpc_reply *reply)
{
    uint32_t verifier_size;

    wire_skip(reader, 4);
    verifier_size = wire_u32(reader);
    wire_skip(reader, verifier_size <= VERIFIER_MAX ? ((size_t)verifier_size + 3) / 4 * 4 : SIZE_MAX);
    switch (wire_u32(reader)) {
    case ACCEPT_SUCCESS:
        reply->status = RPC_SUCCESS;
        reply->result = reader->rest;
        break;
    case ACCEPT_PROGRAM_UNAVAILABLE:
        reply->status = RPC_PROGRAM_UNAVAILABLE;
        break;
    case ACCEPT_VERSION_MISMATCH:
        reply->status = RPC_VERSION_MISMATCH;
        reply->lowest = wire_u32(reader);
        reply->highest = wire_u32(reader);
        break;
    default:
        break;
    }
}

enum protocol_match rpc_read_reply(struct span bytes, struct rpc_reply *ret_reply, size_t *ret_size)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t size = wire_u32(&reader) & ~LAST_FRAGMENT;
    struct span record = wire_bytes(&reader, size);
    struct rpc_reply reply = {.status = RPC_OTHER};

    if (reader.failed) {
        return PROTOCOL_MAYBE;
    }
    reader = wire_reader_of(record);
    reply.transaction = wire_u32(&reader);
    if (wire_u32(&reader) != REPLY || reader.failed) {
        return PROTOCOL_NO;
    }
    if (wire_u32(&reader) == ACCEPTED) {
        read_accepted(&reader, &reply);
    }
    if (reader.failed) {
        return PROTOCOL_NO;
    }
    *ret_reply = reply;
    *ret_size = 4 + (size_t)size;
    return PROTOCOL_YES;
}
