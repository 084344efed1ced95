/* What every protocol must bear of a server, tried on an exchange that a test knows to be right: it comes byte by byte,
 * it ends after any byte in any way, and any byte of it is another. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_HOSTILE_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_HOSTILE_H

#include "tests/unit/scanner/service/talk.h"

#include <stdio.h>

enum { HOSTILE_CONNECTIONS_MAX = 6 };

struct hostile_exchange {
    const char *name; /* of the protocol */
    const struct dialogue_target *target;
    const struct talk_turn *turns;
    size_t count;
};

#define HOSTILE_EXCHANGE(name, target, turns)                                                                          \
    (&(struct hostile_exchange){name, target, turns, sizeof(turns) / sizeof(*(turns))})

static inline void hostile_begin(struct talk *talk, const struct hostile_exchange *exchange)
{
    const struct protocol *protocol = protocol_find(exchange->name);

    memset(talk, 0, sizeof(*talk));
    assert_non_null(protocol);
    dialogue_init(&talk->dialogue, exchange->target, &talk->facts, &talk->evidence);
    talk->next = DIALOGUE_WAIT;
    talk->dialogue.greeted = exchange->turns[0].kind == TALK_SAY;
    if (!talk->dialogue.greeted) {
        protocol->ask(&talk->dialogue);
    }
}

/* What is sent is not looked at, and what does not fit to what the protocol wants is left out. */
static inline void hostile_turn(struct talk *talk, const struct protocol *protocol, const struct talk_turn *turn)
{
    bool fits = (turn->kind == TALK_SECURE || turn->kind == TALK_UNSECURE)
                    ? talk->next == DIALOGUE_SECURE
                    : (turn->kind == TALK_AGAIN ? talk->next == DIALOGUE_AGAIN : talk->next == DIALOGUE_WAIT);

    if (turn->kind == TALK_EXPECT || !fits) {
        talk->dialogue.out_size = 0;
        return;
    }
    talk_turn(talk, protocol, turn, false);
    assert_false(talk->dialogue.out_failed);
}

/* The connection ends like that, and each that is wanted after it: the protocol comes to an end too. */
static inline void hostile_end(struct talk *talk, const struct protocol *protocol, enum talk_kind kind)
{
    const struct talk_turn end = {kind, {NULL, 0}};
    const struct talk_turn again = {TALK_AGAIN, {NULL, 0}};
    const struct talk_turn unsecure = {TALK_UNSECURE, {NULL, 0}};

    for (int i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
        if (talk->next == DIALOGUE_WAIT) {
            talk_turn(talk, protocol, &end, false);
        }
        if (talk->next == DIALOGUE_SECURE) {
            talk_turn(talk, protocol, &unsecure, false);
        }
        assert_false(talk->dialogue.out_failed);
        if (talk->next != DIALOGUE_AGAIN) {
            break;
        }
        talk_turn(talk, protocol, &again, false);
    }
    assert_true(talk->next == DIALOGUE_DONE || talk->next == DIALOGUE_FOREIGN);
    assert_false(talk->next == DIALOGUE_FOREIGN && talk->dialogue.recognised);
    /* A door is told with the question that was answered, and as nothing else. */
    if (facts_find(&talk->facts, "door") != NULL) {
        assert_string_equal(facts_text(&talk->facts, "auth"), "none");
    }
    talk_done(talk);
}

static inline void hostile_same_facts(const struct facts *a, const struct facts *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_ptr_equal(a->items[i].kind, b->items[i].kind);
        switch (a->items[i].kind->type) {
        case FACT_TEXT:
        case FACT_VERSION:
            assert_string_equal(a->items[i].text, b->items[i].text);
            break;
        case FACT_NUMBER:
        case FACT_TIME:
            assert_int_equal(a->items[i].number, b->items[i].number);
            break;
        case FACT_TRUTH:
            assert_int_equal(a->items[i].truth, b->items[i].truth);
            break;
        }
    }
}

static inline void hostile_bytewise(const struct hostile_exchange *exchange)
{
    struct talk whole;
    struct talk bytewise;

    talk_run(&whole, exchange->name, exchange->target, exchange->turns, exchange->count, false);
    talk_run(&bytewise, exchange->name, exchange->target, exchange->turns, exchange->count, true);
    assert_int_equal(whole.next, bytewise.next);
    assert_int_equal(whole.dialogue.recognised, bytewise.dialogue.recognised);
    assert_int_equal(whole.dialogue.unwelcome, bytewise.dialogue.unwelcome);
    hostile_same_facts(&whole.facts, &bytewise.facts);
    talk_done(&whole);
    talk_done(&bytewise);
}

/* Everything up to turn `at`, of that only the bytes `said`, and then the end. */
static inline void hostile_cut(const struct hostile_exchange *exchange, size_t at, struct span said, enum talk_kind end)
{
    const struct protocol *protocol = protocol_find(exchange->name);
    const struct talk_turn part = {TALK_SAY, said};
    struct talk talk;

    hostile_begin(&talk, exchange);
    for (size_t i = 0; i < at; i++) {
        hostile_turn(&talk, protocol, &exchange->turns[i]);
    }
    if (said.size > 0) {
        hostile_turn(&talk, protocol, &part);
    }
    hostile_end(&talk, protocol, end);
}

/* The exchange with the bytes `said` in place of turn `at`, to its end. */
static inline void hostile_replace(const struct hostile_exchange *exchange, size_t at, struct span said)
{
    const struct protocol *protocol = protocol_find(exchange->name);
    const struct talk_turn other = {TALK_SAY, said};
    struct talk talk;

    hostile_begin(&talk, exchange);
    for (size_t i = 0; i < exchange->count; i++) {
        hostile_turn(&talk, protocol, i == at ? &other : &exchange->turns[i]);
    }
    hostile_end(&talk, protocol, TALK_END);
}

static inline void hostile_mutate(const struct hostile_exchange *exchange, size_t at, struct span bytes)
{
    uint8_t *changed = malloc(bytes.size);

    assert_non_null(changed);
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t old = bytes.bytes[i];
        const uint8_t values[] = {
            0, 1, 0x7f, 0x80, 0xff, (uint8_t)(old + 1), (uint8_t)(old - 1), (uint8_t)(old ^ 0x20)};
        memcpy(changed, bytes.bytes, bytes.size);
        for (size_t j = 0; j < sizeof(values); j++) {
            changed[i] = values[j];
            hostile_replace(exchange, at, (struct span){changed, bytes.size});
        }
    }
    free(changed);
}

/* As much as may ever wait, of the same byte. */
static inline void hostile_flood(const struct hostile_exchange *exchange, size_t at)
{
    static uint8_t flood[DIALOGUE_IN_MAX];
    static const uint8_t fillings[] = {0x00, 0xff, 0x80, 'A', 0x30};

    for (size_t i = 0; i < sizeof(fillings); i++) {
        memset(flood, fillings[i], sizeof(flood));
        hostile_replace(exchange, at, (struct span){flood, sizeof(flood)});
    }
}

static inline void hostile(const struct hostile_exchange *exchange)
{
    static const enum talk_kind ends[] = {TALK_END, TALK_RESET, TALK_LATE};

    hostile_bytewise(exchange);
    for (size_t i = 0; i < exchange->count; i++) {
        const struct talk_turn *turn = &exchange->turns[i];
        size_t size = turn->kind == TALK_SAY ? turn->bytes.size : 0;
        for (size_t cut = 0; cut <= size; cut++) {
            for (size_t j = 0; j < sizeof(ends) / sizeof(*ends); j++) {
                hostile_cut(exchange, i, (struct span){turn->bytes.bytes, cut}, ends[j]);
            }
        }
        if (size > 0) {
            hostile_mutate(exchange, i, turn->bytes);
            hostile_flood(exchange, i);
        }
    }
}

/* The protocol knows these bytes for its own, and none of their beginnings for another's; so does the whole table. */
static inline void hostile_recognised(const char *name, struct span bytes)
{
    const struct protocol *protocol = protocol_find(name);
    const struct protocol *found;
    bool maybe;

    for (size_t size = 0; size <= bytes.size; size++) {
        uint8_t *part = malloc(size + 1);
        assert_non_null(part);
        if (size > 0) {
            memcpy(part, bytes.bytes, size);
        }
        part = realloc(part, size > 0 ? size : 1);
        assert_non_null(part);
        assert_int_not_equal(protocol->recognise((struct span){part, size}), PROTOCOL_NO);
        free(part);
    }
    assert_int_equal(protocol->recognise(bytes), PROTOCOL_YES);
    found = protocol_recognise(bytes, &maybe);
    assert_non_null(found);
    assert_string_equal(found->name, name);
}

/* Of another's bytes it says no. */
static inline void hostile_stranger(const char *name, struct span bytes)
{
    assert_int_equal(protocol_find(name)->recognise(bytes), PROTOCOL_NO);
}

/* Runs the exchange and leaves it to be looked at; to be ended by talk_done(). */
static inline void hostile_learn(struct talk *talk, const struct hostile_exchange *exchange, enum dialogue_next next)
{
    talk_run(talk, exchange->name, exchange->target, exchange->turns, exchange->count, false);
    assert_int_equal(talk->next, next);
    assert_int_equal(talk->dialogue.recognised, next == DIALOGUE_DONE);
}

/* The fact's value, as text: "true" and "false" of a truth; "" when it is not known. */
static inline const char *hostile_fact(const struct talk *talk, const char *name)
{
    static char number[32];
    const struct fact *fact = facts_find(&talk->facts, name);

    assert_non_null(fact_kind_find(name));
    if (fact == NULL) {
        return "";
    }
    switch (fact->kind->type) {
    case FACT_TEXT:
    case FACT_VERSION:
        return fact->text;
    case FACT_TRUTH:
        return fact->truth ? "true" : "false";
    case FACT_NUMBER:
    case FACT_TIME:
        break;
    }
    (void)snprintf(number, sizeof(number), "%lld", (long long)fact->number);
    return number;
}

#endif
