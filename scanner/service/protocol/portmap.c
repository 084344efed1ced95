/* Port mapper, rpcbind (RFC 1833, section 3): is program 100000 here (its procedure NULL), and what is registered with
 * it (DUMP), which it tells anyone. */
#include "scanner/service/protocol/all.h"
#include "scanner/service/rpc.h"

enum { PROGRAM = 100000, VERSION = 2, PROCEDURE_NULL = 0, PROCEDURE_DUMP = 4, TRANSACTION = 0x4c70504d };
enum { LISTED_MAX = 32, ENTRIES_MAX = 1024, BANNER_SIZE = 400 };

enum step { ASKED_NULL, ASKED_DUMP };

struct program {
    uint32_t number;
    const char *name;
};

/* IANA, "Remote Procedure Call (RPC) Program Numbers". */
static const struct program programs[] = {
    {100000, "portmapper"}, {100003, "nfs"},     {100004, "ypserv"},   {100005, "mountd"}, {100007, "ypbind"},
    {100009, "yppasswdd"},  {100011, "rquotad"}, {100021, "nlockmgr"}, {100024, "status"}, {100227, "nfs_acl"},
};

static enum protocol_match recognise(struct span bytes)
{
    enum protocol_match match = rpc_recognise(bytes, TRANSACTION);

    return match != PROTOCOL_NO ? match : rpc_recognise(bytes, TRANSACTION + 1);
}

static void call(struct dialogue *dialogue, uint32_t procedure)
{
    const struct rpc_call wanted = {TRANSACTION + dialogue->step, PROGRAM, VERSION, procedure};
    uint8_t bytes[64];
    struct wire_writer writer = wire_writer_of(bytes, sizeof(bytes));

    rpc_put_call(&writer, &wanted);
    dialogue_send(dialogue, wire_written(&writer));
}

static void ask(struct dialogue *dialogue)
{
    call(dialogue, PROCEDURE_NULL);
}

static void put_program(struct wire_writer *writer, uint32_t number)
{
    char digits[12];
    size_t at = sizeof(digits) - 1;

    if (writer->size > 0) {
        wire_put_u8(writer, ' ');
    }
    for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
        if (programs[i].number == number) {
            wire_put_text(writer, programs[i].name);
            return;
        }
    }
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    wire_put_text(writer, digits + at);
}

/* Each program once, whatever its versions and ports. */
static void learn_programs(struct dialogue *dialogue, struct span result)
{
    struct wire_reader reader = wire_reader_of(result);
    uint32_t listed[LISTED_MAX];
    size_t count = 0;
    uint8_t text[BANNER_SIZE];
    struct wire_writer writer = wire_writer_of(text, sizeof(text));

    for (size_t i = 0; i < ENTRIES_MAX && count < LISTED_MAX && wire_u32(&reader) == 1; i++) {
        uint32_t number = wire_u32(&reader);
        bool known = false;
        wire_skip(&reader, 12); /* version, transport, port */
        for (size_t j = 0; j < count; j++) {
            known |= listed[j] == number;
        }
        if (!reader.failed && !known) {
            listed[count++] = number;
            put_program(&writer, number);
        }
    }
    facts_set_text(dialogue->facts, "banner", wire_written(&writer));
}

/* An RPC server of other programs says that it has not this one. */
static enum dialogue_next hear_reply(struct dialogue *dialogue, const struct rpc_reply *reply)
{
    if (reply->transaction != TRANSACTION + dialogue->step) {
        return dialogue_end(dialogue);
    }
    if (dialogue->step == ASKED_DUMP) {
        if (reply->status == RPC_SUCCESS) {
            learn_programs(dialogue, reply->result);
        }
        return DIALOGUE_DONE;
    }
    if (reply->status == RPC_PROGRAM_UNAVAILABLE) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    if (reply->status != RPC_SUCCESS) {
        return DIALOGUE_DONE;
    }
    dialogue->step = ASKED_DUMP;
    call(dialogue, PROCEDURE_DUMP);
    return DIALOGUE_WAIT;
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
    return match == PROTOCOL_MAYBE ? DIALOGUE_WAIT : dialogue_end(dialogue);
}

static enum dialogue_next hear(struct dialogue *dialogue, enum dialogue_event event)
{
    return event == DIALOGUE_SECURED ? DIALOGUE_WAIT : dialogue_outcome(dialogue, event, hear_bytes(dialogue));
}

const struct protocol protocol_portmap = {
    .name = "portmap",
    .ports = "111",
    .tls_ports = "",
    .rank = 17,
    .waits = true,
    .recognise = recognise,
    .ask = ask,
    .hear = hear,
};
