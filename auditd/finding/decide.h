/* What somebody decides about findings, as the control socket's "disposition" object (schema/control.schema.json): from
 * a client of the daemon, or from a command line where none runs. All of a request is done, or nothing. */
#ifndef LEASTPORT_AUDITD_FINDING_DECIDE_H
#define LEASTPORT_AUDITD_FINDING_DECIDE_H

#include "auditd/store/store.h"

#include <jansson.h>

enum { DECIDE_REASON_SIZE = 512, DECIDE_FINDINGS_MAX = 10000, DECIDE_TEXT_MAX = 500 };

struct decide_options {
    const char *actor; /* "alice" */
    int64_t now_ms;
    int64_t max_age_ms; /* of the scores that follow */
};

/* In one transaction, the scores in one of their own behind it. *ret_answer is the answer's object with "ok":true,
 * which the caller owns. -EINVAL, -ENOENT, -EPERM with `ret_reason` for a person; else the store's errors, whose words
 * stand there too. */
MUST_USE int decide_run(struct store *store, const json_t *request, const struct decide_options *options,
                        json_t **ret_answer, char ret_reason[DECIDE_REASON_SIZE]);

/* "2027-03-31", which counts to its end (UTC), or RFC 3339. -EINVAL. */
MUST_USE int decide_until_parse(const char *text, int64_t *ret_ms);

#endif
