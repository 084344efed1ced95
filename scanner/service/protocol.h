/* What a protocol is to the inquiry: a row of a table, a file each under protocol/. Pure: knows neither sockets nor
 * when it is asked. */
#ifndef LEASTPORT_SCANNER_SERVICE_PROTOCOL_H
#define LEASTPORT_SCANNER_SERVICE_PROTOCOL_H

#include "scanner/service/dialogue.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PROTOCOL_MAYBE: it can still become so with more bytes. */
enum protocol_match { PROTOCOL_NO, PROTOCOL_MAYBE, PROTOCOL_YES };

struct protocol {
    const char *name; /* the fact "service": the word that policies use */
    /* Where it is likely, as numbers with commas: in clear, and inside TLS. "" for nowhere. */
    const char *ports;
    const char *tls_ports;
    /* Likelihood on a port that nothing is known of: 1 is asked first; 0 is never asked unless its port, or what was
     * heard, suggests it. */
    uint8_t rank;
    /* Its servers speak first: nothing need be sent to recognise it. */
    bool greets;
    /* Its servers lock out who breaks off handshakes, or bear few connections: never two at a time to one host. */
    bool delicate;
    /* Its servers take a foreign question for the beginning of a long message and wait for the rest, in silence. One
     * that serves a connection at a time is then deaf on others for as long. */
    bool waits;
    /* TLS that it goes over to is inside of packets of TDS as long as the handshake lasts. */
    bool frames_tls;
    /* A server may take that long to answer; 0: as others. */
    uint32_t patience_ms;
    /* Whether these first bytes of a server, whatever was asked before, are this protocol's. No side effects. Never
     * NULL. */
    enum protocol_match (*recognise)(struct span bytes);
    /* Sends the first question. Not called when the server has greeted with bytes that recognise() took: then hear()
     * comes at once. NULL: there is none, as it greets. */
    void (*ask)(struct dialogue *dialogue);
    /* Something has happened. Sets dialogue->recognised as soon as it is sure. After CLOSED, RESET and UNSECURED there
     * is nobody to send to: only DONE, FOREIGN and AGAIN make sense. Never NULL. */
    enum dialogue_next (*hear)(struct dialogue *dialogue, enum dialogue_event event);
};

/* All there are, in the order in which recognise() is tried: the surer before the vaguer. */
const struct protocol *const *protocols(size_t *ret_count);
/* NULL when there is none of that name. */
const struct protocol *protocol_find(const char *name);
/* Whether the protocol is likely on that port, in clear or inside TLS. */
bool protocol_is_likely(const struct protocol *protocol, uint16_t port, bool secured);
/* Whose first bytes these are: the first that says PROTOCOL_YES; NULL when none does, and then *ret_maybe says whether
 * one still may. */
const struct protocol *protocol_recognise(struct span bytes, bool *ret_maybe);

#endif
