/* What came out of asking one endpoint: facts, the bytes that prove them, the certificate. Knows neither how it was
 * asked nor where it is told. */
#ifndef LEASTPORT_SCANNER_SERVICE_IDENTITY_H
#define LEASTPORT_SCANNER_SERVICE_IDENTITY_H

#include "lib/addr.h"
#include "scanner/service/dialogue.h"
#include "scanner/service/facts.h"
#include "scanner/service/wire.h"

#include <stddef.h>
#include <stdint.h>

/* All 0 before the first use; it must not be copied by assignment (facts.h). */
struct identity {
    /* "service" is there when a protocol was recognised ("tls": TLS stands, and nothing inside it was recognised),
     * "behaviour" when the endpoint said nothing that a service would. Neither: it said what nobody knows. */
    struct facts facts;
    struct evidence evidence;
    /* The server's own certificate as DER, owned; NULL without. */
    uint8_t *certificate;
    size_t certificate_size;
};

void identity_done(struct identity *identity);
/* Copies it, in the place of an earlier one; an empty one is none. -ENOMEM. */
MUST_USE int identity_set_certificate(struct identity *identity, struct span der);

#endif
