/* The built-in baseline: what must never be open, to whom, and what to do instead. A const table, numbered: a released
 * number never changes. */
#ifndef LEASTPORT_AUDITD_POLICY_BASELINE_H
#define LEASTPORT_AUDITD_POLICY_BASELINE_H

#include "auditd/policy/judge.h"

enum { BASELINE_NEWEST = 1, BASELINE_PORTS_MAX = 4 };

enum baseline_need {
    BASELINE_SEEN,
    /* What answers decides; where nobody has asked, the port alone is judged. */
    BASELINE_PORT_ONLY,
};

struct baseline_row {
    const char *id;      /* "redis": the rule is "baseline/redis" */
    const char *service; /* what findings call it */
    const char *label;   /* what people call it: "Redis" */
    const char *proto;
    uint16_t ports[BASELINE_PORTS_MAX]; /* 0 ends them */
    unsigned forbidden_from;            /* 1 << vantage class, or-ed */
    bool hard;                          /* yields only to a waiver */
    bool database;
    enum baseline_need evidence;
    double service_weight;
    const char *to_whom; /* who may reach it at most, as a clause: "only through a VPN" */
    const char *why;
    const char *fix;
};

/* The table of a baseline number, or NULL when there is none of that number. */
const struct baseline_row *baseline_rows(uint32_t number, size_t *ret_count);

/* The row of a port, or NULL. */
const struct baseline_row *baseline_find(uint32_t number, const char *proto, uint16_t port);

/* The row of a port where that service answers, inside TLS or in clear; NULL when the baseline knows nothing of the
 * service. A row whose service speaks through a protocol of another name (an API over HTTP) stands on its port also
 * where only that protocol was recognised. */
const struct baseline_row *baseline_find_answer(uint32_t number, const char *proto, uint16_t port, const char *service,
                                                bool tls);

/* Whether findings of a service name a database or a cache. */
bool baseline_is_database(const char *service);

#endif
