/* Whole conversations with a hostile server. The first line names the protocol (or its first byte chooses one), the
 * next byte what may be asked and where, and then turns follow: what happens, and for bytes that arrive how many they
 * are. */
#include "scanner/service/protocol.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A turn's first byte, modulo TURNS. TURN_UNSECURED: what would be TLS fails. */
enum turn { TURN_ARRIVE, TURN_FLOOD, TURN_CLOSED, TURN_RESET, TURN_LATE, TURN_UNSECURED, TURNS };

enum flag { FLAG_DOORS = 1, FLAG_SECURED = 2, FLAG_GREETS = 4, FLAG_NAMED = 8 };

enum { FLOOD_TIMES = 64, AGAINS_MAX = 16, LATES_MAX = 16, SENT_MAX = 1 << 16, PREFIX_MAX = 96 };

struct server {
    const struct protocol *protocol;
    struct dialogue dialogue;
    struct facts facts;
    struct evidence evidence;
    enum dialogue_next next;
    uint8_t *in;
    size_t in_size;
    size_t sent;
    unsigned int agains;
    bool fails_tls;
};

/* ---- what must hold ---- */

static void check_facts(const struct facts *facts)
{
    assert(facts->count <= FACTS_MAX);
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        assert(i == 0 || strcmp(facts->items[i - 1].kind->name, fact->kind->name) < 0);
        if (fact->kind->type == FACT_TEXT || fact->kind->type == FACT_VERSION) {
            assert(strlen(fact->text) > 0 && strlen(fact->text) <= FACTS_TEXT_MAX);
            fuzz_check_text(fact->text, strlen(fact->text));
        }
    }
}

static void check_evidence(const struct evidence *evidence)
{
    assert(evidence->count <= EVIDENCE_TURNS_MAX);
    for (size_t i = 0; i < evidence->count; i++) {
        assert(evidence->turns[i].size <= EVIDENCE_TURN_SIZE && evidence->turns[i].size <= evidence->turns[i].whole);
    }
}

/* What is sent is taken at once. */
static void take_out(struct server *server)
{
    assert(server->dialogue.out_size <= DIALOGUE_OUT_SIZE);
    server->sent += server->dialogue.out_size;
    assert(server->sent <= SENT_MAX);
    server->dialogue.out_size = 0;
}

/* Bytes that are said not to be a protocol's cannot become so by more of them: nobody would wait for these. */
static void check_recognise(const struct protocol *protocol, struct span bytes)
{
    bool was_no = false;

    (void)protocol->recognise((struct span){NULL, 0});
    for (size_t size = 1; size <= bytes.size && size <= PREFIX_MAX; size++) {
        uint8_t *prefix = malloc(size);
        enum protocol_match match;
        assert(prefix != NULL);
        memcpy(prefix, bytes.bytes, size);
        match = protocol->recognise((struct span){prefix, size});
        assert(!was_no || match != PROTOCOL_YES);
        was_no |= match == PROTOCOL_NO;
        free(prefix);
    }
    (void)protocol->recognise(bytes);
}

/* ---- the socket's owner ---- */

/* The bytes that wait stand in memory of just their size. */
static void hear(struct server *server, enum dialogue_event event)
{
    struct dialogue *dialogue = &server->dialogue;
    bool gone = event == DIALOGUE_CLOSED || event == DIALOGUE_RESET || event == DIALOGUE_UNSECURED;
    bool recognised = dialogue->recognised;
    uint8_t *left = NULL;

    dialogue->in = (struct span){server->in, server->in_size};
    server->next = server->protocol->hear(dialogue, event);
    assert(dialogue->in.size <= server->in_size);
    assert(dialogue->in.size == 0 || (dialogue->in.bytes >= server->in &&
                                      dialogue->in.bytes + dialogue->in.size <= server->in + server->in_size));
    assert(server->next <= DIALOGUE_AGAIN);
    assert(!gone || (server->next != DIALOGUE_WAIT && server->next != DIALOGUE_SECURE));
    assert(dialogue->recognised || !recognised);
    server->in_size = dialogue->in.size;
    if (server->in_size > 0) {
        left = malloc(server->in_size);
        assert(left != NULL);
        memcpy(left, dialogue->in.bytes, server->in_size);
    }
    free(server->in);
    server->in = left;
    dialogue->in = (struct span){NULL, 0};
    if (dialogue->out_failed) {
        server->next = DIALOGUE_DONE;
    }
    take_out(server);
}

static void arrive(struct server *server, struct span bytes)
{
    uint8_t *joined;

    if (server->in_size + bytes.size > DIALOGUE_IN_MAX) {
        server->next = DIALOGUE_DONE;
        return;
    }
    if (bytes.size == 0) {
        return;
    }
    joined = malloc(server->in_size + bytes.size);
    assert(joined != NULL);
    if (server->in_size > 0) {
        memcpy(joined, server->in, server->in_size);
    }
    memcpy(joined + server->in_size, bytes.bytes, bytes.size);
    free(server->in);
    server->in = joined;
    server->in_size += bytes.size;
    dialogue_note_arrival(&server->dialogue, bytes);
    hear(server, DIALOGUE_ARRIVED);
}

static void forget_arrivals(struct server *server)
{
    free(server->in);
    server->in = NULL;
    server->in_size = 0;
}

static void ask(struct server *server)
{
    if (server->protocol->ask != NULL && !server->dialogue.greeted) {
        server->protocol->ask(&server->dialogue);
        take_out(server);
    }
}

/* Gives the protocol what it wants; false once it wants nothing more. */
static bool go_on(struct server *server)
{
    if (server->next == DIALOGUE_SECURE) {
        forget_arrivals(server);
        if (server->dialogue.secured) {
            server->next = DIALOGUE_DONE;
            return false;
        }
        server->dialogue.secured = !server->fails_tls;
        hear(server, server->fails_tls ? DIALOGUE_UNSECURED : DIALOGUE_SECURED);
    }
    if (server->next == DIALOGUE_AGAIN) {
        server->agains++;
        assert(server->agains <= AGAINS_MAX);
        forget_arrivals(server);
        dialogue_reopen(&server->dialogue);
        server->next = DIALOGUE_WAIT;
        ask(server);
    }
    return server->next != DIALOGUE_DONE && server->next != DIALOGUE_FOREIGN;
}

/* Nothing more comes: it ends, however often it wants to begin anew. */
static void end(struct server *server, enum dialogue_event event)
{
    for (int i = 0; i < LATES_MAX && go_on(server); i++) {
        if (server->next == DIALOGUE_WAIT) {
            hear(server, event);
        }
    }
    while (go_on(server)) {
        if (server->next == DIALOGUE_WAIT) {
            hear(server, DIALOGUE_CLOSED);
        }
    }
}

/* ---- the input ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take_byte(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

static struct span take_bytes(struct input *input)
{
    size_t size = take_byte(input);
    struct span bytes;

    size |= (size_t)take_byte(input) << 8;
    bytes = (struct span){input->at, size < input->left ? size : input->left};
    input->at += bytes.size;
    input->left -= bytes.size;
    return bytes;
}

static const struct protocol *choose(struct input *input)
{
    size_t count;
    const struct protocol *const *table = protocols(&count);
    struct span line;
    struct span rest;

    assert(count > 0);
    for (size_t i = 0; span_line((struct span){input->at, input->left}, &line, &rest) && i < count; i++) {
        if (span_equal(line, (struct span){(const uint8_t *)table[i]->name, strlen(table[i]->name)})) {
            *input = (struct input){rest.bytes, rest.size};
            return table[i];
        }
    }
    return table[take_byte(input) % count];
}

static void flood(struct server *server, struct span bytes)
{
    for (int i = 0; i < FLOOD_TIMES && server->next == DIALOGUE_WAIT; i++) {
        arrive(server, bytes);
    }
}

static void play(struct server *server, enum turn turn, struct input *input)
{
    switch (turn) {
    case TURN_ARRIVE:
        arrive(server, take_bytes(input));
        break;
    case TURN_FLOOD:
        flood(server, take_bytes(input));
        break;
    case TURN_CLOSED:
        hear(server, DIALOGUE_CLOSED);
        break;
    case TURN_RESET:
        hear(server, DIALOGUE_RESET);
        break;
    case TURN_LATE:
        hear(server, DIALOGUE_LATE);
        break;
    case TURN_UNSECURED:
    case TURNS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dialogue_event endings[] = {DIALOGUE_CLOSED, DIALOGUE_LATE, DIALOGUE_RESET, DIALOGUE_LATE};
    static struct server server;
    struct input input = {data, size};
    struct dialogue_target target = {.host = "10.0.0.5", .port = 1};
    uint8_t flags;

    if (size == 0) {
        return 0;
    }
    memset(&server, 0, sizeof(server));
    server.protocol = choose(&input);
    flags = take_byte(&input);
    target.doors = (flags & FLAG_DOORS) != 0;
    target.name = (flags & FLAG_NAMED) != 0 ? "server.example" : NULL;
    if (input.left > 3) {
        check_recognise(server.protocol, (struct span){input.at + 3, input.left - 3});
    }
    dialogue_init(&server.dialogue, &target, &server.facts, &server.evidence);
    server.dialogue.secured = (flags & FLAG_SECURED) != 0;
    server.dialogue.greeted = (flags & FLAG_GREETS) != 0;
    server.next = DIALOGUE_WAIT;
    ask(&server);
    while (input.left > 0) {
        server.fails_tls = *input.at % TURNS == TURN_UNSECURED;
        if (!go_on(&server)) {
            break;
        }
        play(&server, (enum turn)(take_byte(&input) % TURNS), &input);
    }
    end(&server, endings[flags >> 6]);
    check_facts(&server.facts);
    check_evidence(&server.evidence);
    forget_arrivals(&server);
    return 0;
}
