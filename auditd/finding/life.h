/* A finding's life: three columns, each with its table of legal moves, and what an answer or a silence proves.
 * Pure: knows neither store nor clock (design: "A finding and its life"). */
#ifndef LEASTPORT_AUDITD_FINDING_LIFE_H
#define LEASTPORT_AUDITD_FINDING_LIFE_H

#include "auditd/ingest/observation.h"
#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum presence {
    PRESENCE_NEW,
    PRESENCE_OPEN,
    PRESENCE_VERIFYING,
    PRESENCE_FIXED,
    PRESENCE_REAPPEARED,
    PRESENCE_ALLOWED,
    PRESENCE_FOLDED, /* came and went; a finding of the asset's stands for it (settle_fold.h) */
};
enum disposition { DISPOSITION_NONE, DISPOSITION_ACKNOWLEDGED, DISPOSITION_WAIVED };
enum sight { SIGHT_FRESH, SIGHT_STALE, SIGHT_RETIRED };

/* As the schema has them: "NEW", "STALE", … */
const char *presence_name(enum presence presence);
MUST_USE int presence_parse(const char *name, enum presence *ret_presence);
const char *disposition_name(enum disposition disposition);
MUST_USE int disposition_parse(const char *name, enum disposition *ret_disposition);
const char *sight_name(enum sight sight);
MUST_USE int sight_parse(const char *name, enum sight *ret_sight);

/* A move to be logged; `was` and `became` are names that live for ever. */
struct life_move {
    const char *what; /* "presence", "disposition", "sight" */
    const char *was;
    const char *became;
};

/* 1 and *ret_move when it moved, 0 when it stood there already, -EPERM for an illegal move (nothing changes). */
MUST_USE int presence_move(enum presence *presence, enum presence to, struct life_move *ret_move);
MUST_USE int disposition_move(enum disposition *disposition, enum disposition to, struct life_move *ret_move);
MUST_USE int sight_move(enum sight *sight, enum sight to, struct life_move *ret_move);

/* What one look of one scan at one endpoint proves. */
enum look {
    LOOK_OPEN,
    LOOK_REFUSED,  /* RST, or UDP port-unreachable */
    LOOK_SILENT,   /* nothing, or an ICMP rejection, and it counts: see life_look() */
    LOOK_BLIND,    /* nothing came, and that proves nothing: we could not look */
    LOOK_UNDECIDED /* open|filtered: neither opens nor closes */
};

struct look_facts {
    enum port_state state;
    const char *reason;
    bool is_udp;
    int64_t tries; /* 0 when not known: taken as 1 */
    bool scan_complete;
    double loss; /* share of probes lost; -1 when not known */
    bool canary_answered;
    bool asset_running; /* another port of it, another vantage or the inventory says so */
};

enum look life_look(const struct look_facts *facts);

/* What is kept of an endpoint between scans. Both count in a row; an open answer sets both to 0. */
struct endpoint_proof {
    int64_t refusals;     /* probes that were refused */
    int64_t silent_scans; /* complete scans in which it was silent */
};

enum { LIFE_REFUSALS_NEEDED = 2, LIFE_SILENT_SCANS_NEEDED = 2 };

/* `answers`: how many probes of this scan were answered so; at least 1 for a look that is an answer. */
void life_prove(struct endpoint_proof *proof, enum look look, int64_t answers);

/* What all the places that saw a finding's port open say now. */
enum endpoint_word {
    ENDPOINT_WORD_OPEN,      /* its last answer was open, and nothing counts against it */
    ENDPOINT_WORD_VERIFYING, /* refused once, or one silent scan */
    ENDPOINT_WORD_CLEARED,   /* refused twice, or silent twice */
};

enum endpoint_word life_word(const struct endpoint_proof *proof);

struct finding_facts {
    bool judged_allowed; /* the policy allows it, as it is open now */
    bool seen_open;      /* by this scan */
    bool second_probe;   /* another probe before had found it open too */
    bool blind;          /* this scan should have looked and could not, or what it saw proves nothing */
    bool looked;         /* this scan looked and what it saw counts */
    bool any_open;       /* over all places: some word is OPEN */
    bool any_verifying;
    bool all_cleared;
    bool fleeting; /* a port that hosts lend for a while, named by nothing, which no second probe found open */
};

/* Where presence and sight should go; presence_move() and sight_move() do it. */
struct life_target {
    enum presence presence;
    enum sight sight;
};

struct life_target life_decide(enum presence presence, enum sight sight, const struct finding_facts *facts);

#endif
