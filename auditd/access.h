/* Who gets in, as the control socket's "token" and "access" objects (schema/control.schema.json): from a client of the
 * daemon, or from a command line where none runs. All of a request is done, or nothing; what it did stands in the audit
 * log. */
#ifndef LEASTPORT_AUDITD_ACCESS_H
#define LEASTPORT_AUDITD_ACCESS_H

#include "auditd/store/store.h"

#include <jansson.h>

enum {
    ACCESS_REASON_SIZE = 640,
    ACCESS_NAME_MAX = 100,
    ACCESS_LIMITS_MAX = 100,
    ACCESS_EVENTS_MAX = 256,
    ACCESS_LINK_MS = 15 * 60 * 1000,
    ACCESS_SESSION_DIGITS = 64,
};

struct access_options {
    const char *actor;   /* "alice" */
    const char *address; /* where from, over the API; NULL: not over it */
    int64_t now_ms;
};

/* create, revoke, link, take. *ret_answer is the answer's object with "ok":true, which the caller owns; a new token's
 * text stands in it and nowhere else. -EINVAL, -ENOENT, -EEXIST with `ret_reason` for a person; else the store's
 * errors, whose words stand there too. */
MUST_USE int access_token(struct store *store, const json_t *request, const struct access_options *options,
                          json_t **ret_answer, char ret_reason[ACCESS_REASON_SIZE]);

/* What web saw: entries for the audit log, which tokens were used when, and sessions that began, go on or ended. */
MUST_USE int access_note(struct store *store, const json_t *request, json_t **ret_answer,
                         char ret_reason[ACCESS_REASON_SIZE]);

/* One entry of the audit log, in the transaction that is under way, else in one of its own. */
MUST_USE int access_log(struct store *store, const struct access_options *options, const char *what, bool refused,
                        const char *detail);

#endif
