/* The lines of what answers on a port, and of certificates, as JSON. */
#ifndef LEASTPORT_SCANNER_OBSERVATION_SERVICE_H
#define LEASTPORT_SCANNER_OBSERVATION_SERVICE_H

#include "scanner/observation.h"

#include <jansson.h>

/* The members "facts" and "evidence", and "der" and "facts". NULL when out of memory. The caller owns the references.
 */
json_t *observation_service_facts(const struct facts *facts);
json_t *observation_service_evidence(const struct evidence *evidence);
json_t *observation_certificate_der(struct span der);

/* The same back: -EBADMSG for what those do not write, unknown facts and wrong types included; -ENOMEM. */
MUST_USE int observation_service_read_facts(const json_t *value, struct facts *ret_facts);
MUST_USE int observation_service_read_evidence(const json_t *value, struct evidence *ret_evidence);
/* The caller owns *ret_der: free(). */
MUST_USE int observation_certificate_read_der(const json_t *value, uint8_t **ret_der, size_t *ret_size);

#endif
