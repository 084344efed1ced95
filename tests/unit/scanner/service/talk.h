/* A server that answers as a test says, for tests of protocols: each turn of it is handed in whole, and then byte by
 * byte in a second run that must learn the same. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_TALK_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_TALK_H

#include "scanner/service/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum talk_kind {
    TALK_EXPECT, /* what the protocol must have sent by now, exactly */
    TALK_SAY,    /* bytes of the server */
    TALK_END,    /* the server ends its side */
    TALK_RESET,
    TALK_LATE,     /* time passes */
    TALK_SECURE,   /* the protocol must have wanted TLS; it stands now */
    TALK_UNSECURE, /* the same, and it fails */
    TALK_AGAIN,    /* the protocol must have wanted a new connection */
};

struct talk_turn {
    enum talk_kind kind;
    struct span bytes;
};

#define EXPECT(literal)                                                                                                \
    {                                                                                                                  \
        TALK_EXPECT, SPAN_AS(literal)                                                                                  \
    }
#define SAY(literal)                                                                                                   \
    {                                                                                                                  \
        TALK_SAY, SPAN_AS(literal)                                                                                     \
    }

struct talk {
    struct dialogue dialogue;
    struct facts facts;
    struct evidence evidence;
    enum dialogue_next next;
    uint8_t *in;
    size_t in_size;
};

/* The bytes that wait stand in memory of just their size, so that a sanitizer sees who reads past them. */
static inline void talk_hear(struct talk *talk, const struct protocol *protocol, enum dialogue_event event)
{
    uint8_t *left = NULL;

    talk->dialogue.in = (struct span){talk->in, talk->in_size};
    talk->next = protocol->hear(&talk->dialogue, event);
    assert_true(talk->dialogue.in.size <= talk->in_size);
    talk->in_size = talk->dialogue.in.size;
    if (talk->in_size > 0) {
        left = malloc(talk->in_size);
        assert_non_null(left);
        memcpy(left, talk->dialogue.in.bytes, talk->in_size);
    }
    free(talk->in);
    talk->in = left;
    talk->dialogue.in = (struct span){NULL, 0};
}

static inline void talk_arrive(struct talk *talk, const struct protocol *protocol, struct span bytes)
{
    uint8_t *joined = malloc(talk->in_size + bytes.size);

    assert_non_null(joined);
    if (talk->in_size > 0) {
        memcpy(joined, talk->in, talk->in_size);
    }
    memcpy(joined + talk->in_size, bytes.bytes, bytes.size);
    free(talk->in);
    talk->in = joined;
    talk->in_size += bytes.size;
    dialogue_note_arrival(&talk->dialogue, bytes);
    talk_hear(talk, protocol, DIALOGUE_ARRIVED);
}

static inline void talk_say(struct talk *talk, const struct protocol *protocol, struct span bytes, bool bytewise)
{
    if (!bytewise) {
        talk_arrive(talk, protocol, bytes);
        return;
    }
    for (size_t i = 0; i < bytes.size && talk->next == DIALOGUE_WAIT; i++) {
        talk_arrive(talk, protocol, (struct span){bytes.bytes + i, 1});
    }
}

static inline void talk_turn(struct talk *talk, const struct protocol *protocol, const struct talk_turn *turn,
                             bool bytewise)
{
    switch (turn->kind) {
    case TALK_EXPECT:
        assert_int_equal(talk->dialogue.out_size, turn->bytes.size);
        assert_memory_equal(talk->dialogue.out, turn->bytes.bytes, turn->bytes.size);
        talk->dialogue.out_size = 0;
        break;
    case TALK_SAY:
        assert_int_equal(talk->next, DIALOGUE_WAIT);
        talk_say(talk, protocol, turn->bytes, bytewise);
        break;
    case TALK_END:
        talk_hear(talk, protocol, DIALOGUE_CLOSED);
        break;
    case TALK_RESET:
        talk_hear(talk, protocol, DIALOGUE_RESET);
        break;
    case TALK_LATE:
        talk_hear(talk, protocol, DIALOGUE_LATE);
        break;
    case TALK_SECURE:
        assert_int_equal(talk->next, DIALOGUE_SECURE);
        talk->dialogue.secured = true;
        talk_hear(talk, protocol, DIALOGUE_SECURED);
        break;
    case TALK_UNSECURE:
        assert_int_equal(talk->next, DIALOGUE_SECURE);
        talk_hear(talk, protocol, DIALOGUE_UNSECURED);
        break;
    case TALK_AGAIN:
        assert_int_equal(talk->next, DIALOGUE_AGAIN);
        dialogue_reopen(&talk->dialogue);
        free(talk->in);
        talk->in = NULL;
        talk->in_size = 0;
        talk->next = DIALOGUE_WAIT;
        if (protocol->ask != NULL) {
            protocol->ask(&talk->dialogue);
        }
        break;
    }
}

/* With LEASTPORT_SEEDS, a folder, in the environment: the turns as an input of fuzz/dialogue. */
static inline void talk_seed(const char *name, bool doors, bool secured, const struct talk_turn *turns, size_t count)
{
    static const int kinds[] = {[TALK_SAY] = 0, [TALK_END] = 2, [TALK_RESET] = 3, [TALK_LATE] = 4, [TALK_UNSECURE] = 5};
    const char *folder = getenv("LEASTPORT_SEEDS");
    char path[4096];
    FILE *file;
    int fd;

    if (folder == NULL) {
        return;
    }
    snprintf(path, sizeof(path), "%s/%s-XXXXXX", folder, name);
    fd = mkstemp(path);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file, "%s\n%c", name,
            (doors ? 1 : 0) | (secured ? 2 : 0) | (count > 0 && turns[0].kind == TALK_SAY ? 4 : 0));
    for (size_t i = 0; i < count; i++) {
        if (turns[i].kind == TALK_EXPECT || turns[i].kind == TALK_SECURE || turns[i].kind == TALK_AGAIN) {
            continue;
        }
        putc(kinds[turns[i].kind], file);
        if (turns[i].kind == TALK_SAY) {
            fprintf(file, "%c%c", (int)(turns[i].bytes.size & 0xff), (int)(turns[i].bytes.size >> 8));
            fwrite(turns[i].bytes.bytes, 1, turns[i].bytes.size, file);
        }
    }
    fclose(file);
}

/* Runs the turns; talk->next is what the protocol said last. A first turn of the server's is a greeting. To be ended by
 * talk_done(). */
static inline void talk_run(struct talk *talk, const char *name, const struct dialogue_target *target,
                            const struct talk_turn *turns, size_t count, bool bytewise)
{
    const struct protocol *protocol = protocol_find(name);

    memset(talk, 0, sizeof(*talk));
    assert_non_null(protocol);
    if (!bytewise) {
        talk_seed(name, target->doors, false, turns, count);
    }
    dialogue_init(&talk->dialogue, target, &talk->facts, &talk->evidence);
    talk->next = DIALOGUE_WAIT;
    talk->dialogue.greeted = count > 0 && turns[0].kind == TALK_SAY;
    if (!talk->dialogue.greeted && protocol->ask != NULL) {
        protocol->ask(&talk->dialogue);
    }
    for (size_t i = 0; i < count; i++) {
        talk_turn(talk, protocol, &turns[i], bytewise);
        assert_false(talk->dialogue.out_failed);
    }
}

static inline void talk_done(struct talk *talk)
{
    free(talk->in);
}

#endif
