/* Whole exchanges of a protocol with a server, and what must be learnt of them: replayed as they were, cut off at every
 * byte by each way to end, and with bytes changed at random. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_EXCHANGE_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_EXCHANGE_H

#include "tests/unit/scanner/service/talk.h"

#include <inttypes.h>
#include <stdio.h>

struct exchange {
    const char *protocol;
    uint16_t port;
    bool no_doors;
    bool secured; /* inside TLS from the start */
    const struct talk_turn *turns;
    size_t count;
    enum dialogue_next next;
    bool foreign;      /* not recognised */
    const char *facts; /* all of them, "NAME=VALUE\n" each, by name */
};

#define TURNS(array) .turns = (array), .count = sizeof(array) / sizeof(*(array))

enum { EXCHANGE_ENDINGS_MAX = 16, EXCHANGE_MUTATIONS = 3000, EXCHANGE_SIZE = 16384 };

static inline void exchange_begin(struct talk *talk, const struct protocol *protocol, const struct exchange *exchange)
{
    const struct dialogue_target target = {.host = "10.0.0.5", .port = exchange->port, .doors = !exchange->no_doors};

    memset(talk, 0, sizeof(*talk));
    dialogue_init(&talk->dialogue, &target, &talk->facts, &talk->evidence);
    talk->dialogue.secured = exchange->secured;
    talk->next = DIALOGUE_WAIT;
    talk->dialogue.greeted = exchange->turns[0].kind == TALK_SAY;
    if (!talk->dialogue.greeted && protocol->ask != NULL) {
        protocol->ask(&talk->dialogue);
    }
}

static inline void exchange_print(const struct facts *facts, char *text, size_t room)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        switch (fact->kind->type) {
        case FACT_TEXT:
        case FACT_VERSION:
            used += (size_t)snprintf(text + used, room - used, "%s=%s\n", fact->kind->name, fact->text);
            break;
        case FACT_TRUTH:
            used +=
                (size_t)snprintf(text + used, room - used, "%s=%s\n", fact->kind->name, fact->truth ? "true" : "false");
            break;
        case FACT_NUMBER:
        case FACT_TIME:
            used += (size_t)snprintf(text + used, room - used, "%s=%" PRId64 "\n", fact->kind->name, fact->number);
            break;
        }
        assert_true(used < room);
    }
}

/* As it was said, whole and byte by byte. */
static inline void exchange_replay(const struct exchange *exchange)
{
    const struct protocol *protocol = protocol_find(exchange->protocol);
    char text[4096];

    assert_non_null(protocol);
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        struct talk talk;
        exchange_begin(&talk, protocol, exchange);
        for (size_t i = 0; i < exchange->count; i++) {
            talk_turn(&talk, protocol, &exchange->turns[i], bytewise != 0);
            assert_false(talk.dialogue.out_failed);
        }
        exchange_print(&talk.facts, text, sizeof(text));
        assert_string_equal(text, exchange->facts);
        assert_int_equal(talk.next, exchange->next);
        assert_int_equal(talk.dialogue.recognised, !exchange->foreign);
        assert_int_equal(talk.dialogue.out_size, 0);
        talk_done(&talk);
    }
}

/* What a socket's owner would do next on its own; false once the dialogue is over. */
static inline bool exchange_go_on(struct talk *talk, const struct protocol *protocol)
{
    assert_false(talk->dialogue.out_failed);
    talk->dialogue.out_size = 0;
    if (talk->next == DIALOGUE_SECURE) {
        talk->dialogue.secured = true;
        talk_hear(talk, protocol, DIALOGUE_SECURED);
        talk->dialogue.out_size = 0;
    } else if (talk->next == DIALOGUE_AGAIN) {
        talk_turn(talk, protocol, &(const struct talk_turn){TALK_AGAIN, {NULL, 0}}, false);
    }
    assert_false(talk->dialogue.out_failed);
    return talk->next == DIALOGUE_WAIT;
}

/* The event must end it, as often as there is a new connection. */
static inline void exchange_end(struct talk *talk, const struct protocol *protocol, enum dialogue_event event)
{
    bool gone = event == DIALOGUE_CLOSED || event == DIALOGUE_RESET;

    for (int i = 0; exchange_go_on(talk, protocol); i++) {
        assert_true(i < EXCHANGE_ENDINGS_MAX);
        talk_hear(talk, protocol, event);
        assert_true(!gone || (talk->next != DIALOGUE_WAIT && talk->next != DIALOGUE_SECURE));
    }
}

/* Of all that the server says only `size` bytes come. */
static inline void exchange_cut(const struct exchange *exchange, size_t size, enum dialogue_event event)
{
    const struct protocol *protocol = protocol_find(exchange->protocol);
    struct talk talk;

    exchange_begin(&talk, protocol, exchange);
    for (size_t i = 0; i < exchange->count && exchange_go_on(&talk, protocol); i++) {
        struct span bytes = exchange->turns[i].bytes;
        if (exchange->turns[i].kind == TALK_SAY && size > 0) {
            bytes.size = bytes.size < size ? bytes.size : size;
            size -= bytes.size;
            talk_arrive(&talk, protocol, bytes);
        }
    }
    exchange_end(&talk, protocol, event);
    talk_done(&talk);
}

static inline size_t exchange_said(const struct exchange *exchange)
{
    size_t size = 0;

    for (size_t i = 0; i < exchange->count; i++) {
        size += exchange->turns[i].kind == TALK_SAY ? exchange->turns[i].bytes.size : 0;
    }
    return size;
}

static inline uint64_t exchange_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Changes a byte, leaves some out, or says some twice. */
static inline size_t exchange_mutate(uint8_t *bytes, size_t size, uint64_t *state)
{
    size_t at = exchange_random(state) % size;
    size_t count = exchange_random(state) % 16 + 1;

    count = count < size - at ? count : size - at;
    switch (exchange_random(state) % 4) {
    case 0:
        memmove(bytes + at, bytes + at + count, size - at - count);
        return size - count > 0 ? size - count : size;
    case 1:
        memmove(bytes + at + count, bytes + at, size - at);
        return size + count;
    case 2:
        bytes[at] = "\0\xff\r\n -09AZ"[exchange_random(state) % 10];
        return size;
    default:
        bytes[at] = (uint8_t)exchange_random(state);
        return size;
    }
}

static inline void exchange_say_mutated(struct talk *talk, const struct protocol *protocol, struct span bytes,
                                        uint64_t *state)
{
    uint8_t mutated[EXCHANGE_SIZE];
    size_t size = bytes.size;

    assert_true(size + 64 <= sizeof(mutated));
    memcpy(mutated, bytes.bytes, size);
    for (uint64_t i = exchange_random(state) % 4; i > 0; i--) {
        size = exchange_mutate(mutated, size, state);
    }
    talk_arrive(talk, protocol, (struct span){mutated, size});
}

static inline void exchange_run_mutated(const struct exchange *exchange, uint64_t *state)
{
    static const enum dialogue_event endings[] = {DIALOGUE_CLOSED, DIALOGUE_RESET, DIALOGUE_LATE};
    const struct protocol *protocol = protocol_find(exchange->protocol);
    struct talk talk;

    exchange_begin(&talk, protocol, exchange);
    for (size_t i = 0; i < exchange->count && exchange_go_on(&talk, protocol); i++) {
        if (exchange->turns[i].kind == TALK_SAY) {
            exchange_say_mutated(&talk, protocol, exchange->turns[i].bytes, state);
        }
    }
    exchange_end(&talk, protocol, endings[exchange_random(state) % 3]);
    talk_done(&talk);
}

/* All of it. */
static inline void exchange_check(const struct exchange *exchange)
{
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    size_t said = exchange_said(exchange);

    talk_seed(exchange->protocol, !exchange->no_doors, exchange->secured, exchange->turns, exchange->count);
    exchange_replay(exchange);
    for (size_t size = 0; size <= said; size++) {
        exchange_cut(exchange, size, DIALOGUE_CLOSED);
        exchange_cut(exchange, size, DIALOGUE_RESET);
        exchange_cut(exchange, size, DIALOGUE_LATE);
    }
    for (int i = 0; i < EXCHANGE_MUTATIONS; i++) {
        exchange_run_mutated(exchange, &state);
    }
}

#endif
