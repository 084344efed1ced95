/* Works out who reaches what in a model: question in, exact answer out. No I/O, no clock. What the rules of a list come
 * to is kept from one question to the next. */
#ifndef LEASTPORT_AUDITD_REACH_ENGINE_H
#define LEASTPORT_AUDITD_REACH_ENGINE_H

#include "auditd/reach/bands.h"
#include "auditd/reach/model.h"
#include "auditd/reach/span.h"

struct reach_engine;

/* From the worst for the attacker to the best. */
enum reach_verdict { REACH_BLOCKED, REACH_BLOCKED_RETURN, REACH_UNKNOWN, REACH_CONDITIONAL, REACH_REACHABLE };
enum { REACH_VERDICTS = REACH_REACHABLE + 1 };

enum reach_from { REACH_FROM_WORLD, REACH_FROM_PREFIX, REACH_FROM_ENI };

struct reach_question {
    enum reach_from from;
    struct prefix prefix; /* REACH_FROM_PREFIX */
    uint32_t source;      /* REACH_FROM_ENI: its index */
    uint32_t eni;         /* the destination: an interface, and which of its addresses */
    uint32_t address;
    uint16_t proto;            /* 0 to 255, or REACH_PROTO_UNNAMED */
    struct reach_ports ports;  /* or ICMP's types and codes, as in the model */
    struct reach_ports client; /* the ephemeral ports of clients; 0-0: as far as known, else 1024 to 65535 */
};

/* Ports for which the same holds. `sources[v]` are the addresses with the verdict v, each address in one at most;
 * REACH_BLOCKED's stays empty: those are all others that were asked. REACHABLE: in, and out to every client port;
 * CONDITIONAL: out to some; BLOCKED_RETURN: in, but out to none; UNKNOWN: something on the way was not read or cannot
 * be modelled. */
struct reach_cell {
    struct reach_ports ports;
    enum reach_verdict verdict; /* of all sources together */
    double return_share;        /* of REACHABLE's and CONDITIONAL's pairs of source and client port that may return */
    struct span_set sources[REACH_VERDICTS];
};

/* Cells ascend and cover the ports that were asked. */
struct reach_answer {
    bool is_ipv6;
    struct span_set asked;
    struct reach_cell *cells;
    size_t count;
};

/* NULL when out of memory. Borrows the model until reach_engine_destroy(). */
struct reach_engine *reach_engine_create(const struct reach_model *model);
void reach_engine_destroy(struct reach_engine *engine);

/* The rules of the group are others now. */
void reach_engine_forget_group(struct reach_engine *engine, uint32_t group);

const struct reach_model *reach_engine_model(const struct reach_engine *engine);

/* -ENOMEM. The caller ends the answer by reach_answer_done(). */
MUST_USE int reach_ask(struct reach_engine *engine, const struct reach_question *question,
                       struct reach_answer *ret_answer);
void reach_answer_done(struct reach_answer *answer);
void reach_cell_done(struct reach_cell *cell);

/* "REACHABLE", "BLOCKED_RETURN", ... */
const char *reach_verdict_name(enum reach_verdict verdict);
/* REACH_UNKNOWN for what is the name of none. */
enum reach_verdict reach_verdict_parse(const char *name);

/* Of one address, which was asked. */
enum reach_verdict reach_cell_verdict_of(const struct reach_cell *cell, span_value source);

/* What rules come to, kept by the engine: NULL when out of memory. Valid until their group is forgotten. */
const struct reach_bands *reach_engine_acl(struct reach_engine *engine, uint32_t acl, struct reach_aspect aspect);
const struct reach_bands *reach_engine_group(struct reach_engine *engine, uint32_t group, struct reach_aspect aspect);
const struct reach_ways *reach_engine_ways(struct reach_engine *engine, uint32_t table, bool is_ipv6);

#endif
