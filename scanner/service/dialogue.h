/* One conversation with a server as a protocol sees it: what has arrived, what is to be sent, what is learnt and the
 * bytes that prove it. Pure: who owns the socket hands bytes in and takes bytes out. */
#ifndef LEASTPORT_SCANNER_SERVICE_DIALOGUE_H
#define LEASTPORT_SCANNER_SERVICE_DIALOGUE_H

#include "scanner/service/evidence.h"
#include "scanner/service/facts.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIALOGUE_IN_MAX = 65536,  /* so much may wait to be taken by the protocol */
    DIALOGUE_OUT_SIZE = 2048, /* so much may be sent before the socket has taken it */
    DIALOGUE_SCRATCH_SIZE = 128,
};

/* Who is asked, and what may be asked. Text is borrowed for the dialogue's life. */
struct dialogue_target {
    const char *host; /* its address as text */
    const char *name; /* the name that it was given by; NULL */
    uint16_t port;
    bool doors; /* questions that show whether no credential is needed are wanted */
};

/* What a protocol wants to happen next. */
enum dialogue_next {
    DIALOGUE_WAIT,    /* more bytes, the end, or DIALOGUE_LATE */
    DIALOGUE_DONE,    /* nothing more to ask; whether it is this protocol, dialogue->recognised says */
    DIALOGUE_FOREIGN, /* another protocol answers */
    DIALOGUE_SECURE,  /* from the next byte on it is TLS: hear() comes again when that stands, or has failed */
    DIALOGUE_AGAIN,   /* a new connection: ask() comes again, if there is one, with step and scratch as they are now */
};

/* Why hear() is called. */
enum dialogue_event {
    DIALOGUE_ARRIVED,   /* more bytes in `in`, or what greeted stands there already */
    DIALOGUE_CLOSED,    /* the server has ended its side; what it said before stands in `in` */
    DIALOGUE_RESET,     /* the same, by RST */
    DIALOGUE_LATE,      /* nothing came for as long as is waited */
    DIALOGUE_SECURED,   /* TLS stands */
    DIALOGUE_UNSECURED, /* TLS was begun and failed; the connection is gone */
};

struct dialogue {
    struct dialogue_target target;
    bool greeted;    /* the server spoke first on this connection */
    bool secured;    /* inside TLS */
    bool recognised; /* it is this protocol: stands even when the rest comes to nothing */
    /* The server has had enough of us (MySQL's error 1129): no further connection is made to it. */
    bool unwelcome;
    /* What has arrived and was not taken: dialogue_take(). Borrowed until hear() returns. */
    struct span in;
    /* The protocol's own; 0 at first. */
    uint32_t step;
    uint64_t scratch[DIALOGUE_SCRATCH_SIZE / sizeof(uint64_t)];
    struct facts *facts;       /* never NULL */
    struct evidence *evidence; /* never NULL */
    /* Taken by who owns the socket. */
    uint8_t out[DIALOGUE_OUT_SIZE];
    size_t out_size;
    bool out_failed; /* more was to be sent than there is room for: our bug or a server's trick, the dialogue ends */
};

/* All 0 but what is given; both are borrowed for the dialogue's life and are not emptied. */
void dialogue_init(struct dialogue *dialogue, const struct dialogue_target *target, struct facts *facts,
                   struct evidence *evidence);

/* For protocols. */

void dialogue_send(struct dialogue *dialogue, struct span bytes);
void dialogue_send_text(struct dialogue *dialogue, const char *text);
void dialogue_sendf(struct dialogue *dialogue, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes so many bytes, at most all, out of `in`. */
void dialogue_take(struct dialogue *dialogue, size_t size);
/* Takes a line out of `in` (span_line()); false when none is whole. */
bool dialogue_take_line(struct dialogue *dialogue, struct span *ret_line);
/* DIALOGUE_DONE when it is this protocol, DIALOGUE_FOREIGN when not. */
enum dialogue_next dialogue_end(const struct dialogue *dialogue);
/* What hear() makes of `next`, which it has drawn from the bytes that wait: after CLOSED, RESET, LATE and UNSECURED
 * there is nothing to wait for and nobody to speak TLS with. */
enum dialogue_next dialogue_outcome(const struct dialogue *dialogue, enum dialogue_event event,
                                    enum dialogue_next next);
/* The server did something for us that it should do only for whoever has shown a credential: the facts "auth" and
 * "door". `question` is a phrase: "INFO". */
void dialogue_open_door(struct dialogue *dialogue, const char *question);

/* For who owns the socket. */

/* What arrived, for the evidence; `in` is its owner's to set. */
void dialogue_note_arrival(struct dialogue *dialogue, struct span bytes);
/* A new connection: what is on its way is void; step, scratch, facts and evidence stay. */
void dialogue_reopen(struct dialogue *dialogue);

#endif
