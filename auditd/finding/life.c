#include "auditd/finding/life.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* The words of a column, in the order of its enum, and for each the mask of those that may follow. */
struct life_column {
    const char *what;
    const char *const *names;
    size_t count;
    const unsigned *moves;
};

#define TO(state) (1u << (state))

static const char *const presence_names[] = {
    [PRESENCE_NEW] = "NEW",
    [PRESENCE_OPEN] = "OPEN",
    [PRESENCE_VERIFYING] = "VERIFYING",
    [PRESENCE_FIXED] = "FIXED",
    [PRESENCE_REAPPEARED] = "REAPPEARED",
    [PRESENCE_ALLOWED] = "ALLOWED",
    [PRESENCE_FOLDED] = "FOLDED",
};

/* FIXED is reached through VERIFYING alone, and so is FOLDED, from where a port that is open again begins anew. What
 * reappeared keeps that name until it is closed or allowed again. */
static const unsigned presence_moves[] = {
    [PRESENCE_NEW] = TO(PRESENCE_OPEN) | TO(PRESENCE_VERIFYING) | TO(PRESENCE_ALLOWED),
    [PRESENCE_OPEN] = TO(PRESENCE_VERIFYING) | TO(PRESENCE_ALLOWED),
    [PRESENCE_VERIFYING] = TO(PRESENCE_OPEN) | TO(PRESENCE_FIXED) | TO(PRESENCE_ALLOWED) | TO(PRESENCE_FOLDED),
    [PRESENCE_FIXED] = TO(PRESENCE_REAPPEARED) | TO(PRESENCE_ALLOWED),
    [PRESENCE_REAPPEARED] = TO(PRESENCE_VERIFYING) | TO(PRESENCE_ALLOWED),
    [PRESENCE_ALLOWED] = TO(PRESENCE_OPEN),
    [PRESENCE_FOLDED] = TO(PRESENCE_NEW) | TO(PRESENCE_ALLOWED),
};

static const char *const disposition_names[] = {
    [DISPOSITION_NONE] = "NONE",
    [DISPOSITION_ACKNOWLEDGED] = "ACKNOWLEDGED",
    [DISPOSITION_WAIVED] = "WAIVED",
};

/* A waiver ends as open: whoever wants to acknowledge it then says so. */
static const unsigned disposition_moves[] = {
    [DISPOSITION_NONE] = TO(DISPOSITION_ACKNOWLEDGED) | TO(DISPOSITION_WAIVED),
    [DISPOSITION_ACKNOWLEDGED] = TO(DISPOSITION_NONE) | TO(DISPOSITION_WAIVED),
    [DISPOSITION_WAIVED] = TO(DISPOSITION_NONE),
};

static const char *const sight_names[] = {
    [SIGHT_FRESH] = "FRESH",
    [SIGHT_STALE] = "STALE",
    [SIGHT_RETIRED] = "RETIRED",
};

/* RETIRED is reversible, and only by being seen. */
static const unsigned sight_moves[] = {
    [SIGHT_FRESH] = TO(SIGHT_STALE) | TO(SIGHT_RETIRED),
    [SIGHT_STALE] = TO(SIGHT_FRESH) | TO(SIGHT_RETIRED),
    [SIGHT_RETIRED] = TO(SIGHT_FRESH),
};

static const struct life_column presence_column = {"presence", presence_names, 7, presence_moves};
static const struct life_column disposition_column = {"disposition", disposition_names, 3, disposition_moves};
static const struct life_column sight_column = {"sight", sight_names, 3, sight_moves};

static int life_move_column(const struct life_column *column, unsigned from, unsigned to, struct life_move *ret_move)
{
    if (from == to) {
        return 0;
    }
    if (to >= column->count || (column->moves[from] & TO(to)) == 0) {
        return -EPERM;
    }
    *ret_move = (struct life_move){column->what, column->names[from], column->names[to]};
    return 1;
}

static int life_parse(const struct life_column *column, const char *name, unsigned *ret_state)
{
    for (size_t i = 0; i < column->count; i++) {
        if (strcmp(name, column->names[i]) == 0) {
            *ret_state = (unsigned)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *presence_name(enum presence presence)
{
    return presence_names[presence];
}

int presence_parse(const char *name, enum presence *ret_presence)
{
    unsigned state;
    int rc = life_parse(&presence_column, name, &state);

    if (rc == 0) {
        *ret_presence = (enum presence)state;
    }
    return rc;
}

int presence_move(enum presence *presence, enum presence to, struct life_move *ret_move)
{
    int rc = life_move_column(&presence_column, *presence, to, ret_move);

    if (rc == 1) {
        *presence = to;
    }
    return rc;
}

const char *disposition_name(enum disposition disposition)
{
    return disposition_names[disposition];
}

int disposition_parse(const char *name, enum disposition *ret_disposition)
{
    unsigned state;
    int rc = life_parse(&disposition_column, name, &state);

    if (rc == 0) {
        *ret_disposition = (enum disposition)state;
    }
    return rc;
}

int disposition_move(enum disposition *disposition, enum disposition to, struct life_move *ret_move)
{
    int rc = life_move_column(&disposition_column, *disposition, to, ret_move);

    if (rc == 1) {
        *disposition = to;
    }
    return rc;
}

const char *sight_name(enum sight sight)
{
    return sight_names[sight];
}

int sight_parse(const char *name, enum sight *ret_sight)
{
    unsigned state;
    int rc = life_parse(&sight_column, name, &state);

    if (rc == 0) {
        *ret_sight = (enum sight)state;
    }
    return rc;
}

int sight_move(enum sight *sight, enum sight to, struct life_move *ret_move)
{
    int rc = life_move_column(&sight_column, *sight, to, ret_move);

    if (rc == 1) {
        *sight = to;
    }
    return rc;
}

/* Where no loss was measured (nothing was answered late, or nothing at all), one probe in twenty is taken to be lost:
 * more than any path that carries a usable connection, so that five tries are needed. */
static const double life_loss_unknown = 0.05;
static const double life_miss_at_most = 1e-6;
/* A measured loss of 0 comes from a finite number of probes: a single silent try still proves nothing. */
enum { LIFE_TRIES_LEAST = 2 };

static bool life_is_refusal(const struct look_facts *facts)
{
    if (facts->is_udp) {
        return strcmp(facts->reason, "port-unreach") == 0;
    }
    return strcmp(facts->reason, "conn-refused") == 0 || strcmp(facts->reason, "reset") == 0;
}

static bool life_tries_suffice(const struct look_facts *facts)
{
    double loss = facts->loss < 0 ? life_loss_unknown : facts->loss;
    int64_t tries = facts->tries < 1 ? 1 : facts->tries;

    return tries >= LIFE_TRIES_LEAST && pow(loss, (double)tries) < life_miss_at_most;
}

enum look life_look(const struct look_facts *facts)
{
    if (facts->state == PORT_STATE_OPEN) {
        return LOOK_OPEN;
    }
    if (facts->state == PORT_STATE_OPEN_FILTERED) {
        return LOOK_UNDECIDED;
    }
    if (facts->state == PORT_STATE_CLOSED) {
        return life_is_refusal(facts) ? LOOK_REFUSED : LOOK_BLIND;
    }
    if (facts->scan_complete && facts->canary_answered && facts->asset_running && life_tries_suffice(facts)) {
        return LOOK_SILENT;
    }
    return LOOK_BLIND;
}

void life_prove(struct endpoint_proof *proof, enum look look, int64_t answers)
{
    /* What is proven stays proven, whatever closes it from now on, until it is open. */
    if (look != LOOK_OPEN && life_word(proof) == ENDPOINT_WORD_CLEARED) {
        return;
    }
    switch (look) {
    case LOOK_OPEN:
        *proof = (struct endpoint_proof){0};
        break;
    case LOOK_REFUSED:
        proof->refusals += answers < 1 ? 1 : answers;
        proof->silent_scans = 0;
        break;
    case LOOK_SILENT:
        proof->silent_scans++;
        /* What was refused twice stays closed when a firewall comes before it; a single refusal is no longer "in a
         * row". */
        if (proof->refusals < LIFE_REFUSALS_NEEDED) {
            proof->refusals = 0;
        }
        break;
    case LOOK_BLIND:
    case LOOK_UNDECIDED:
        break;
    }
}

enum endpoint_word life_word(const struct endpoint_proof *proof)
{
    if (proof->refusals >= LIFE_REFUSALS_NEEDED || proof->silent_scans >= LIFE_SILENT_SCANS_NEEDED) {
        return ENDPOINT_WORD_CLEARED;
    }
    return proof->refusals > 0 || proof->silent_scans > 0 ? ENDPOINT_WORD_VERIFYING : ENDPOINT_WORD_OPEN;
}

static enum presence life_decide_open(enum presence presence, const struct finding_facts *facts)
{
    if (facts->judged_allowed) {
        return PRESENCE_ALLOWED;
    }
    switch (presence) {
    case PRESENCE_NEW:
        return facts->second_probe ? PRESENCE_OPEN : PRESENCE_NEW;
    case PRESENCE_FIXED:
        return PRESENCE_REAPPEARED;
    case PRESENCE_VERIFYING:
    case PRESENCE_ALLOWED:
        return PRESENCE_OPEN;
    case PRESENCE_FOLDED:
        return PRESENCE_NEW;
    case PRESENCE_OPEN:
    case PRESENCE_REAPPEARED:
        break;
    }
    return presence;
}

/* Not seen open by this scan: what do all the places that saw it say? */
static enum presence life_decide_unseen(enum presence presence, const struct finding_facts *facts)
{
    if (presence == PRESENCE_FIXED || presence == PRESENCE_ALLOWED || presence == PRESENCE_FOLDED || facts->any_open) {
        return presence;
    }
    if (facts->all_cleared && presence == PRESENCE_VERIFYING) {
        return facts->fleeting ? PRESENCE_FOLDED : PRESENCE_FIXED;
    }
    if (facts->all_cleared) {
        return PRESENCE_VERIFYING;
    }
    return facts->any_verifying ? PRESENCE_VERIFYING : presence;
}

struct life_target life_decide(enum presence presence, enum sight sight, const struct finding_facts *facts)
{
    struct life_target target = {presence, sight};

    if (facts->seen_open) {
        return (struct life_target){life_decide_open(presence, facts), SIGHT_FRESH};
    }
    target.presence = life_decide_unseen(presence, facts);
    if (sight == SIGHT_RETIRED) {
        return target;
    }
    if (facts->looked) {
        target.sight = SIGHT_FRESH;
    } else if (facts->blind) {
        target.sight = SIGHT_STALE;
    }
    return target;
}
