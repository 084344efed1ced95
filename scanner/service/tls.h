/* A TLS client (RFC 8446, RFC 5246, RFC 4346, RFC 2246) by GnuTLS, over whoever carries the bytes: it makes no system
 * call for the network. It judges certificates and never refuses one. Knows neither sockets nor protocols inside. */
#ifndef LEASTPORT_SCANNER_SERVICE_TLS_H
#define LEASTPORT_SCANNER_SERVICE_TLS_H

#include "scanner/problem.h"
#include "scanner/service/facts.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_version { TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, TLS_VERSIONS };

/* "1.0" … */
const char *tls_version_name(enum tls_version version);

/* What all sessions share: the system's trusted certificates, read once. */
struct tls_context;

/* -errno with *problem. A system without trusted certificates is no error: nothing is trusted then. To be called before
 * a sandbox forbids to open files; afterwards nothing here opens any, and of system calls it needs only those for
 * memory, locks (futex) and randomness (getrandom). May be shared by threads. The caller owns the result:
 * tls_context_destroy(). */
MUST_USE int tls_context_create(struct tls_context **ret_context, struct problem *problem);
void tls_context_destroy(struct tls_context *context);

/* Text is borrowed for tls_create(). */
struct tls_options {
    const char *name; /* the host name that is asked for (SNI) and that the certificate must be for; NULL: none, an
                         address is sent to nobody as a name (RFC 6066, section 3) */
    const char *host; /* the address, which a certificate may be for too */
    const char *alpn; /* RFC 7301; NULL: none */
    enum tls_version lowest;
    enum tls_version highest;
};

enum tls_state {
    TLS_SHAKING, /* more of the server's bytes are needed */
    TLS_STANDS,
    TLS_ENDED,  /* the server has ended it in order */
    TLS_FAILED, /* an alert, a malformed record, the end of the connection: tls_error(). An alert of ours may be left to
                   be sent */
};

struct tls;

/* -ENOTSUP when the system's GnuTLS is configured not to speak one of the versions, so that nothing can be said of it;
 * -ENOMEM. `context` is borrowed for the session's life. The caller owns the result: tls_destroy(). */
MUST_USE int tls_create(const struct tls_context *context, const struct tls_options *options, struct tls **ret_tls);
void tls_destroy(struct tls *tls);

/* Takes bytes that the server has sent, as many as it has room for; returns how many. Then tls_step() and tls_read()
 * until they ask for more. What comes after the end, or a failure, is dropped. */
size_t tls_arrive(struct tls *tls, struct span bytes);
/* The server has ended its side: with the next tls_step() or tls_read() that is known inside too, once what had arrived
 * before is read. */
void tls_closed(struct tls *tls);
/* Goes on as far as it can. */
enum tls_state tls_step(struct tls *tls);
/* What is to be sent; borrowed until the next call. tls_sent() says how many of them were. */
struct span tls_outgoing(const struct tls *tls);
void tls_sent(struct tls *tls, size_t size);
/* Once it stands. How many bytes were read; 0: none for now, see tls_step(). */
size_t tls_read(struct tls *tls, uint8_t *bytes, size_t room);
/* Once it stands. -EMSGSIZE when it has no room until some is sent; with nothing left to be sent there is room for 4096
 * bytes. -EPROTO when that made it fail. */
MUST_USE int tls_write(struct tls *tls, struct span bytes);

/* A phrase for a person: "handshake_failure alert"; NULL as long as nothing failed. Lives for ever. */
const char *tls_error(const struct tls *tls);
/* The name of the alert by which the server ended the handshake (RFC 8446, section 6): "handshake_failure"; empty when
 * it was not that. Lives for ever. */
struct span tls_alert(const struct tls *tls);
/* Whether the bytes of a server look like a TLS record: of a handshake or an alert (RFC 8446, section 5.1). */
bool tls_is_record(struct span bytes);
/* The version that the server has chosen, among those that it was offered: false as long as it has chosen none. Its
 * ServerHello decides, whatever becomes of the handshake afterwards: who answers by one has agreed to version and
 * cipher, even where we then find its key, its group or its signature too weak or too strange to go on with, or it our
 * lack of a certificate. */
bool tls_agreed(const struct tls *tls, enum tls_version *ret_version);
/* Whether the server broke off, without a word inside, after it had asked for a certificate of ours, which we do not
 * have. From TLS 1.3 on that comes only when the session stands (RFC 8446, section 4.4.2.4): to be asked at the end. */
bool tls_wants_certificate(const struct tls *tls);
/* The server's own certificate as DER, empty without one; borrowed for the session's life. Once the handshake has come
 * so far, even when it failed later. */
struct span tls_certificate(const struct tls *tls);
/* The facts "cert.…" of what the server has shown, judged at `now_s` (seconds since 1970). */
void tls_certificate_facts(const struct tls *tls, int64_t now_s, struct facts *facts);

#endif
