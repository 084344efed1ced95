/* What a server's certificate says and whether it can be believed (RFC 5280), as the facts "cert.…". Knows nothing of
 * sessions or sockets. */
#ifndef LEASTPORT_SCANNER_SERVICE_CERTIFICATE_H
#define LEASTPORT_SCANNER_SERVICE_CERTIFICATE_H

#include "lib/addr.h"
#include "scanner/problem.h"
#include "scanner/service/facts.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A chain that is longer, or a certificate that is larger, is looked at no further. */
enum { CERTIFICATE_CHAIN_MAX = 16, CERTIFICATE_SIZE_MAX = 32768 };

/* Whom we trust. */
struct certificate_trust;

/* -errno with *problem. Trusts nobody at first. The caller owns the result: certificate_trust_destroy(). */
MUST_USE int certificate_trust_create(struct certificate_trust **ret_trust, struct problem *problem);
void certificate_trust_destroy(struct certificate_trust *trust);
/* Reads the certificates that the system trusts; how many there are, 0 where it has none. */
size_t certificate_trust_system(struct certificate_trust *trust);
/* Trusts one more, given as DER. -EBADMSG when it is no certificate; -ENOMEM. */
MUST_USE int certificate_trust_add(struct certificate_trust *trust, struct span der);

/* Whom the certificate must be for. */
struct certificate_host {
    const char *name;    /* as it was asked by; NULL */
    const char *address; /* as text; only looked at without a name; NULL */
};

/* The certificates as they were shown, the server's own first. */
struct certificate_chain {
    struct span items[CERTIFICATE_CHAIN_MAX];
    size_t count;
};

/* Whether the key of a certificate (DER) can be reckoned with at little cost: who chooses the length of a modulus or an
 * exponent also chooses how long we would be busy with it. True for what is no certificate. */
bool certificate_is_bearable(struct span der);

/* Sets the facts; without a certificate there are none, and those that memory is short for are left out. `now_s`:
 * seconds since 1970.
 *
 * "cert.verdict" is that of a client of today, a wrong or missing name aside: "bad" for what cannot be read, has a
 * wrong signature in its chain, or one by MD5 or SHA-1, an issuer that may not issue, or is not for servers;
 * "self-signed" and "unknown-issuer" before "expired" and "not-yet-valid", which are said of what would be trusted on
 * another day.
 *
 * "cert.weak" is of the certificate itself, whoever shows it: RSA and DSA keys of less than 2048 bits, elliptic curves
 * of less than 224 (NIST SP 800-131A rev. 2, section 3; CA/Browser Forum Baseline Requirements, 6.1.5); signatures by
 * MD2, MD5 or SHA-1 (the same, section 9; RFC 9155) unless it is signed by itself, where they prove nothing.
 *
 * "cert.name_mismatch" is by RFC 9525 when the host was asked by its name. Asked by its address it is only known when
 * the certificate names addresses. */
void certificate_facts(const struct certificate_trust *trust, const struct certificate_chain *chain,
                       const struct certificate_host *host, int64_t now_s, struct facts *facts);

#endif
