/* Which of two endpoints that serve the same page stands before the other: a proxy and the back end that answers around
 * it. Pure; knows neither store nor how pages are compared. */
#ifndef LEASTPORT_AUDITD_POLICY_FRONT_H
#define LEASTPORT_AUDITD_POLICY_FRONT_H

#include "auditd/policy/judge.h"

/* An endpoint that serves a page. Text is borrowed. */
struct front_page {
    int64_t asset_id;
    uint16_t port;
    bool loopback;      /* it can be reached from nowhere but its own host */
    bool allowed;       /* the policy allows it */
    bool tls;           /* from the first byte */
    const char *via;    /* the field Via of its answer, NULL without one (RFC 9110, section 7.6.3) */
    const char *server; /* the field Server, NULL without one */
};

/* From exposure and verdict; borrows from the exposure. */
struct front_page front_page_of(int64_t asset_id, const struct exposure *exposure, const struct verdict *verdict);

/* What says that one stands before the other, the strongest first. */
enum front_sign {
    FRONT_PROXY,   /* it says that it is a proxy */
    FRONT_ALLOWED, /* the policy allows it, and not the other */
    FRONT_TLS,     /* it speaks TLS and the other is in clear, and they are different programs */
    FRONT_NONE,
};

/* "proxy", "allowed", "tls", "none". */
const char *front_sign_name(enum front_sign sign);

/* Of two that serve the same page. FRONT_NONE also where they are one and the same server: two ports of a host that are
 * a pair (80 and 443), two hosts that serve it at the same port in the same way (replicas). */
enum front_sign front_sign(const struct front_page *front, const struct front_page *back);

/* Whether both are ports of one host by which one server is reached, in clear (80) and by TLS (443). */
bool front_is_pair(const struct front_page *clear, const struct front_page *secured);

/* What stands before an exposure. */
struct front {
    enum front_sign sign;
    char address[ADDR_TEXT_SIZE];
    char subject[2 * VERDICT_NAME_SIZE]; /* as a verdict has it: "HTTPS on 443/tcp" */
};

#endif
