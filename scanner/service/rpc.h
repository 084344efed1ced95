/* ONC RPC over TCP (RFC 5531, sections 8, 9 and 11): calls without arguments, and what a reply says. Pure; knows no
 * program. */
#ifndef LEASTPORT_SCANNER_SERVICE_RPC_H
#define LEASTPORT_SCANNER_SERVICE_RPC_H

#include "scanner/service/protocol.h"
#include "scanner/service/wire.h"

#include <stdint.h>

enum { RPC_REPLY_MAX = 32768 };

struct rpc_call {
    uint32_t transaction; /* comes back in the reply */
    uint32_t program;
    uint32_t version;
    uint32_t procedure;
};

enum rpc_status {
    RPC_SUCCESS,
    RPC_PROGRAM_UNAVAILABLE,
    RPC_VERSION_MISMATCH,
    RPC_OTHER, /* another failure of an RPC server, a denial among them */
};

struct rpc_reply {
    uint32_t transaction;
    enum rpc_status status;
    uint32_t lowest; /* RPC_VERSION_MISMATCH: the versions that there are */
    uint32_t highest;
    struct span result; /* RPC_SUCCESS; borrowed from the bytes */
};

/* With no credential (AUTH_NONE), in one record. */
void rpc_put_call(struct wire_writer *writer, const struct rpc_call *call);
/* The reply that the bytes begin with: PROTOCOL_MAYBE until it is whole. A record of several fragments is not taken.
 * *ret_size is how many bytes it has. */
enum protocol_match rpc_read_reply(struct span bytes, struct rpc_reply *ret_reply, size_t *ret_size);
/* Whether the bytes begin a reply to that transaction, judged by its head alone. */
enum protocol_match rpc_recognise(struct span bytes, uint32_t transaction);

#endif
