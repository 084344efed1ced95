/* AWS's Signature Version 4 of a request ("Create a signed AWS API request", IAM user guide). Pure: the caller gives
 * time and keys. Knows of no service and no connection. */
#ifndef LEASTPORT_AUDITD_AWS_SIGV4_H
#define LEASTPORT_AUDITD_AWS_SIGV4_H

#include "lib/addr.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SIGV4_HEADERS_MAX = 16,
    SIGV4_QUERY_MAX = 32,
    SIGV4_AUTHORIZATION_SIZE = 1024,
    SIGV4_DATE_SIZE = 17, /* "20150830T123600Z" */
};

struct sigv4_header {
    const char *name; /* in lower case */
    const char *value;
};

/* Borrows everything. Hosts, dates, tokens are headers as all others: the caller has them among `headers`. */
struct sigv4_request {
    const char *method;
    const char *path;  /* as it stands in the URL, percent-encoded; "" is "/" */
    const char *query; /* as it stands in the URL, percent-encoded, without "?"; NULL or "" for none */
    const struct sigv4_header *headers;
    size_t header_count;
    const void *body;
    size_t body_size;
    const char *region;
    const char *service; /* the name that signatures have for it: "elasticloadbalancing" */
};

/* Seconds since 1970 in UTC as x-amz-date wants them, into a buffer of SIGV4_DATE_SIZE. */
void sigv4_date(int64_t time_s, char *buffer);

/* After sodium_init(). The value of the Authorization header, NUL at its end. What was worked out from the secret is
 * wiped. `date` is sigv4_date()'s. -EMSGSIZE when there are more headers or query parameters than the bounds above, or
 * names too long; -ENOMEM. */
MUST_USE int sigv4_sign(const struct sigv4_request *request, const char *date, const char *access, const char *secret,
                        char ret_authorization[SIGV4_AUTHORIZATION_SIZE]);

#endif
