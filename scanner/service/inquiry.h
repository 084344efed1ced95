/* Asks one endpoint what it is: which connection to open next, in clear or inside TLS, what to say on it and how long
 * to wait, until it is known or there is nothing left to try (Izhikevich et al., LZR, USENIX Security 2021). Pure:
 * time, connections and bytes come in by its functions; who drives it owns sockets and TLS.
 *
 * After each event the driver looks at inquiry_wish(), opens or closes what that says, and sends inquiry_outgoing(). */
#ifndef LEASTPORT_SCANNER_SERVICE_INQUIRY_H
#define LEASTPORT_SCANNER_SERVICE_INQUIRY_H

#include "lib/clock.h"
#include "scanner/service/dialogue.h"
#include "scanner/service/identity.h"
#include "scanner/service/protocol.h"
#include "scanner/service/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of one inquiry, whatever the server does. Time is that in which it has a connection, or waits for one to
 * stand. */
enum {
    INQUIRY_CONNECTIONS_MAX = 80,
    INQUIRY_TIME_MAX_MS = 90000,
    INQUIRY_SILENT_MS = 16000,
    INQUIRY_KEPT_MS = 10500, /* a connection that is kept aside is heard for so long, and what the round trip adds */
    INQUIRY_CONNECTION_BYTES_MAX = 1 << 20,
};

enum inquiry_next {
    INQUIRY_OPEN,   /* a new connection, the one before is over: inquiry_begun() once it is on its way */
    INQUIRY_RETURN, /* the one that was kept aside, the one before is over: inquiry_returned() */
    INQUIRY_TALK,   /* the connection that there is */
    INQUIRY_SECURE, /* on it: TLS from the next byte on */
    INQUIRY_PAUSE,  /* none until the deadline */
    INQUIRY_OVER,
};

struct inquiry_wish {
    enum inquiry_next next;
    bool secured;            /* OPEN: TLS from the first byte on */
    enum tls_version lowest; /* that TLS may be */
    enum tls_version highest;
    bool framed; /* SECURE: inside of TDS's packets */
    /* The conversation at hand, or to be opened, is with a delicate server, of which a host's are talked to one at a
     * time. When it is not this one's turn, an OPEN waits; a connection that turns out to be such a server's after it
     * was opened is put off, inquiry_put_off(), unless it has greeted on it: broken off, that is what such servers
     * count. */
    bool delicate;
    bool heard; /* the server has said something on this connection: it is closed in order, not by RST */
    /* OPEN: the connection before, on which the server has said nothing yet, is not over but kept aside, one at most.
     * When it can be read, inquiry_overheard() is due; when it has ended, or cannot be kept, inquiry_unkept(). */
    bool keep;
    bool keeps; /* what is kept aside is to stay so; without it it is closed */
};

/* TLS was agreed on. Borrowed for the call. */
struct inquiry_tls {
    enum tls_version version;
    const struct facts *facts; /* "cert.…" */
    struct span certificate;
};

/* Text is borrowed for the inquiry's life, as is the table. */
struct inquiry_options {
    struct dialogue_target target;
    const struct protocol *const *table; /* NULL: protocols() */
    size_t table_count;
    uint32_t rtt_us; /* 0: not known */
    /* Only what is likely on this port is tried, and not for long: the host accepts anything. */
    bool brief;
    /* After so long nothing further is tried, in clear and inside TLS each; 0: INQUIRY_SILENT_MS. */
    uint32_t silent_ms;
};

/* TLS does not stand. Borrowed for the call. */
struct inquiry_refusal {
    bool alerted;       /* the server speaks TLS: by records of it it said no, or it had said yes before */
    struct span alert;  /* the name of the alert, if it was one */
    struct span record; /* how its records begin */
    struct span said;   /* else what it said instead */
    const struct inquiry_tls *agreed; /* it had chosen a version before the handshake failed; NULL */
};

struct inquiry;

/* NULL when out of memory. The caller owns the result: inquiry_destroy(). */
struct inquiry *inquiry_create(const struct inquiry_options *options);
void inquiry_destroy(struct inquiry *inquiry);

struct inquiry_wish inquiry_wish(const struct inquiry *inquiry);
/* inquiry_late() is due then, if nothing else happens. Not for OPEN before inquiry_begun(). */
struct mono_time inquiry_deadline(const struct inquiry *inquiry);
/* Borrowed until the next event. */
struct span inquiry_outgoing(const struct inquiry *inquiry);
void inquiry_sent(struct inquiry *inquiry, struct mono_time now, size_t size);

/* Events. */
void inquiry_begun(struct inquiry *inquiry, struct mono_time now);
void inquiry_connected(struct inquiry *inquiry, struct mono_time now);
/* It never stood: refused, unreachable. */
void inquiry_failed(struct inquiry *inquiry, struct mono_time now);
void inquiry_put_off(struct inquiry *inquiry, struct mono_time now);
/* About the connection that is kept aside. */
void inquiry_overheard(struct inquiry *inquiry, struct mono_time now);
void inquiry_returned(struct inquiry *inquiry, struct mono_time now);
void inquiry_unkept(struct inquiry *inquiry);
/* Inside TLS once that stands. -ENOMEM. */
MUST_USE int inquiry_arrived(struct inquiry *inquiry, struct mono_time now, struct span bytes);
/* -ENOMEM. */
MUST_USE int inquiry_ended(struct inquiry *inquiry, struct mono_time now, bool reset);
/* -ENOMEM. */
MUST_USE int inquiry_secured(struct inquiry *inquiry, struct mono_time now, const struct inquiry_tls *tls);
/* The handshake has failed, and with it the connection. -ENOMEM. */
MUST_USE int inquiry_unsecured(struct inquiry *inquiry, struct mono_time now, const struct inquiry_refusal *refusal);
/* The server has broken off inside TLS, or is about to, because it wants a certificate of ours: what is inside cannot
 * be known. */
void inquiry_barred(struct inquiry *inquiry);
/* The deadline has come. `stuck`: the server takes no more data, its window is zero. */
/* -ENOMEM. */
MUST_USE int inquiry_late(struct inquiry *inquiry, struct mono_time now, bool stuck);

/* Once it is over, or before that what is known so far. Borrowed until inquiry_destroy(). */
const struct identity *inquiry_identity(const struct inquiry *inquiry);
uint32_t inquiry_connections(const struct inquiry *inquiry);

#endif
