/* Why one source reaches a port, or does not: the rules that decide, in the order in which a packet meets them. Pure.
 */
#ifndef LEASTPORT_AUDITD_REACH_PROOF_H
#define LEASTPORT_AUDITD_REACH_PROOF_H

#include "auditd/reach/engine.h"

enum { REACH_STEPS_MAX = 16, REACH_STEP_TEXT = 200 };

struct reach_step {
    const char *stage;          /* "group", "acl", "route", ... */
    const char *id;             /* of the record that decides, borrowed from the model; NULL */
    char text[REACH_STEP_TEXT]; /* the rule, or why there is none */
    enum reach_maybe passes;
    bool is_answer; /* on the way back */
};

struct reach_proof {
    span_value source;
    uint16_t port;            /* that was looked at */
    struct reach_ports ports; /* for which it stands */
    uint16_t answer_port;     /* the client port that the way back was looked at for */
    enum reach_verdict verdict;
    struct reach_step steps[REACH_STEPS_MAX];
    size_t count; /* up to the first step that does not let it pass */
};

/* For a source and ports of the question for which the same holds: the first is looked at, and all are named. -ENOMEM;
 * -ENOENT when the question has no such source. */
MUST_USE int reach_prove(struct reach_engine *engine, const struct reach_question *question, span_value source,
                         struct reach_ports ports, struct reach_proof *ret_proof);

/* "tcp", "icmp", "protocol 50", "other protocols". */
const char *reach_proto_name(uint16_t proto, char buffer[24]);

/* "443", "3000-4000", "all", "3/4" of ICMP, "" where the protocol has none. */
const char *reach_ports_name(int proto, struct reach_ports ports, char buffer[24]);

/* Both, as a rule has them: "tcp 443", "all traffic". */
const char *reach_traffic_name(int16_t proto, struct reach_ports ports, char buffer[64]);

#endif
