/* Security groups that admit no more than is needed: what each one's rules would be, and whether the module itself
 * finds that nothing opens and all that is needed stays. Pure. */
#ifndef LEASTPORT_AUDITD_REACH_PROPOSAL_H
#define LEASTPORT_AUDITD_REACH_PROPOSAL_H

#include "auditd/reach/engine.h"

/* What must stay of an interface. */
struct reach_need {
    uint32_t eni;
    int16_t proto; /* REACH_TCP or REACH_UDP; REACH_PROTO_ALL: nothing is known of the interface, all of it stays */
    struct reach_ports ports;
    bool is_seen;            /* open, and allowed; else nobody could look there, and what is admitted stays */
    bool ranges;             /* also from public prefixes that are less than the world */
    struct span_set from[2]; /* IPv4 and IPv6; owned. Not looked at without is_seen */
    uint32_t *groups;        /* rules that refer to one of these stay, whoever holds it; owned */
    size_t group_count;
};

struct reach_needs {
    struct reach_need *items; /* ascending by interface */
    size_t count;
};

void reach_needs_done(struct reach_needs *needs);

enum reach_advice_kind {
    REACH_ADVICE_SAME,    /* its rules are needed as they are */
    REACH_ADVICE_CHANGE,  /* `rules` stand in for what it has */
    REACH_ADVICE_UNHELD,  /* no interface holds it */
    REACH_ADVICE_UNREAD,  /* interfaces or groups were not wholly read: who holds it is not known */
    REACH_ADVICE_UNKNOWN, /* of an interface that holds it nothing is known */
    REACH_ADVICE_FAILED,  /* a change was worked out, and did not stand the check: `why` */
};

enum { REACH_ADVICE_WHY = 200 };

struct reach_advice {
    enum reach_advice_kind kind;
    struct reach_rule *rules; /* inbound ones; texts are the model's. One that the group has keeps its id. Owned */
    size_t count;
    size_t held;       /* by so many interfaces */
    size_t needing;    /* so many of these need something of it */
    uint32_t narrowed; /* rules that go, or are replaced */
    char why[REACH_ADVICE_WHY];
};

/* An advice for each group of the model. */
struct reach_proposal {
    struct reach_advice *items;
    size_t count;
};

/* Each rule of a group is cut down to the ports and sources that an interface with that group needs: a prefix to the
 * addresses, a reference or prefix list, which stay what they are, to the ports. Rules of protocols that no scan sees,
 * and of groups of other accounts, stay; of a rule for all protocols TCP and UDP remain. Not checked. -ENOMEM. The
 * caller ends it by reach_proposal_done(). */
MUST_USE int reach_proposal_make(const struct reach_model *model, const struct reach_needs *needs,
                                 struct reach_proposal *ret_proposal);
void reach_proposal_done(struct reach_proposal *proposal);

/* Asks the module, with the rules of all changes put in their groups' place: does a group admit anybody whom it did
 * not, does the internet reach anything that it did not, and does all that is needed and was admitted stay so? A change
 * that fails becomes REACH_ADVICE_FAILED, and the rest is looked at again without it. -ENOMEM. */
MUST_USE int reach_proposal_check(const struct reach_model *model, const struct reach_needs *needs,
                                  struct reach_proposal *proposal);

/* The needs of an interface: the first, and how many. */
const struct reach_need *reach_needs_of(const struct reach_needs *needs, uint32_t eni, size_t *ret_count);

/* Whether both admit the same, whatever their ids. */
bool reach_rule_equal(const struct reach_rule *a, const struct reach_rule *b);

#endif
