/* All that is open on assets that are not retired, port by port, in the form in which a policy is asked about it. Reads
 * only; knows no findings. */
#ifndef LEASTPORT_AUDITD_FINDING_SURVEY_H
#define LEASTPORT_AUDITD_FINDING_SURVEY_H

#include "auditd/finding/standing.h"
#include "auditd/policy/judge.h"
#include "auditd/store/endpoint.h"

struct policy;

struct survey_options {
    const struct policy *policy; /* whose groups are asked about; NULL: none */
    int64_t now_ms;
    int64_t max_age_ms;  /* a look from elsewhere that is older proves nothing */
    int64_t first_asset; /* ids, both included */
    int64_t last_asset;
};

/* The whole store, now, 7 days. */
struct survey_options survey_options_default(void);

/* Borrowed for the call. */
struct survey_port {
    struct store_port port;
    const struct exposure *exposure; /* with its sights */
    const struct store_known *known; /* of the asset */
    int64_t realm_id;
    const char *realm;
    const char *address; /* of the widest place */
};

/* Ascending by asset, protocol and port. A callback's error ends the walk and is returned; it may use the store, but
 * for the survey's own statements. */
typedef int survey_fn(void *context, const struct survey_port *port);
MUST_USE int survey_walk(struct store *store, const struct survey_options *options, survey_fn *fn, void *context);

#endif
