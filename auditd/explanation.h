/* Which ports of which hosts a question "why is this port judged so?" is about. Reads the store; prints nothing. */
#ifndef LEASTPORT_AUDITD_EXPLANATION_H
#define LEASTPORT_AUDITD_EXPLANATION_H

#include "auditd/finding/survey.h"
#include "auditd/store/asset.h"
#include "auditd/store/store.h"

/* Borrowed for the call. */
struct explanation {
    const char *realm; /* NULL: any; supposed: "default" */
    const char *name;  /* of the host; NULL where an address is asked about, or nothing is known of one */
    bool is_address;
    struct addr address;
    const char *proto; /* "tcp", "udp" */
    uint16_t port;
};

struct explanation_walk {
    survey_fn *fn;
    void *context;
    size_t hosts;    /* that were looked at */
    int64_t asset;   /* the first of them; 0: none */
    char realm[256]; /* that one's */
};

/* Each open port that is asked about, of each host that has the address or the name now: in thirty realms they may be
 * thirty, and more than 64 are not looked at. Counts the hosts, whether or not the port is open there. A callback's
 * error ends the walk and is returned; else the store's errors. */
MUST_USE int explanation_walk(struct store *store, const struct policy *policy, const struct explanation *asked,
                              struct explanation_walk *walk);

/* That it is open, seen by a vantage of that class; of what answers nothing is known. Of the host what `known` (NULL:
 * nothing) says. *ret_exposure borrows from both. */
void explanation_suppose(const struct explanation *asked, const struct store_known *known,
                         enum vantage_class vantage_class, int64_t now_ms, struct exposure *ret_exposure);

#endif
