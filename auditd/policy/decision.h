/* The verdict on an exposure before it is put into words: cheap, and the same for many endpoints. Internal to the
 * policy and to who judges very many. Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_DECISION_H
#define LEASTPORT_AUDITD_POLICY_DECISION_H

#include "auditd/policy/baseline.h"
#include "auditd/policy/fact_text.h"
#include "auditd/policy/rule.h"

enum decision_kind {
    DECISION_HARD,     /* the baseline's hard rule of `row` */
    DECISION_LOOPBACK, /* nobody else reaches it */
    DECISION_DOOR,     /* it answers without a credential */
    DECISION_FORBID,   /* the user's `rule` */
    DECISION_ALLOW,    /* the user's `rule` */
    DECISION_REDIRECT, /* plain HTTP that only redirects */
    DECISION_UNSURE,   /* the user's `rule`, were more known: `answer` says what */
    DECISION_ROW,      /* the baseline's `row` */
    DECISION_DEFAULT,  /* nothing allows it */
};

/* Borrows from policy and exposure. */
struct decision {
    enum decision_kind kind;
    enum verdict_kind verdict;
    const struct policy *policy;
    struct exposure exposure; /* its vantage is the one that is judged */
    const struct rule *rule;
    enum rule_answer answer;
    const struct rule *aside; /* allows it perhaps, and decides nothing; NULL: none */
    enum rule_answer aside_answer;
    const struct rule *unmet;       /* would allow it, but for a fact; NULL: none */
    const struct baseline_row *row; /* of what answers, or of the port; NULL: none */
    const char *services[2];        /* as struct rule_view has them */
    double service_weight;
    double breadth;
    double need;
    double penalty;
    enum severity severity;
};

/* Of all the vantages that see it open the one with the worst verdict. */
void decision_make(const struct policy *policy, const struct exposure *exposure, struct decision *ret_decision);

/* What is known that keeps a rule from allowing it, as decision_write() says it; "" where no fact does. */
void decision_facts(const struct decision *decision, char ret_text[FACT_TEXT_SIZE]);

/* Puts it into words. */
void decision_write(const struct decision *decision, struct verdict *ret_verdict);

/* The same for decisions that decision_write() says the same of. */
struct decision_key {
    uint64_t words[2];
};

struct decision_key decision_key(const struct decision *decision);

/* The exposure, seen by the vantage that stands in it, as the rules are asked about it; borrows from both. */
void decision_view(const struct policy *policy, const struct exposure *exposure, struct rule_view *ret_view);

/* The baseline's row of what answers there, or of the port; NULL: none. */
const struct baseline_row *decision_row(const struct policy *policy, const struct exposure *exposure);

/* The exposure as this one of its sights sees it. */
struct exposure exposure_seen_by(const struct exposure *exposure, const struct exposure_sight *sight);

/* What is known of it as it is stored, not what follows from other facts; NULL when it is not known. */
const char *decision_fact(const struct exposure *exposure, const char *name);
bool decision_fact_is(const struct exposure *exposure, const char *name, const char *value);

/* Whether it listens where nobody but its own host reaches it. */
bool exposure_is_loopback(const struct exposure *exposure);

#endif
