/* From the lines of what answers, and of certificates, to rows. */
#ifndef LEASTPORT_AUDITD_INGEST_ANSWER_H
#define LEASTPORT_AUDITD_INGEST_ANSWER_H

#include "auditd/ingest/observation.h"
#include "auditd/store/endpoint.h"

/* Stores a service line for that endpoint. -ENOENT when it was never seen open, or the store's error. */
MUST_USE int ingest_answer(struct store *store, const struct store_endpoint_key *key, const struct observation *line,
                           int64_t scan_id);

/* Stores a certificate line. -EBADMSG with `ret_reason` (of OBSERVATION_REASON_SIZE bytes) when it is not the
 * certificate that its fingerprint says, or the store's error. */
MUST_USE int ingest_answer_certificate(struct store *store, const struct observation *line, char *ret_reason);

#endif
