/* The model of test_history_fleet.c: machines with ids and addresses in two realms, what an inventory says of one of
 * them, and which asset each address is believed to be. Arrays and plain loops; every rule is said once, from what is
 * promised of assets and findings, and nothing is taken from the store. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_FLEET_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_FLEET_H

#include "tests/unit/auditd/fixture.h"
#include "tests/unit/auditd/history_looks.h"

#include <stdint.h>

enum {
    FLEET_REALMS = 2,
    FLEET_ADDRESSES = 6,
    FLEET_MACHINES = 8,
    FLEET_PORTS = 3,
    FLEET_SCANNERS = 2, /* vantages that scan; the last is that of imported files */
    FLEET_PAPER = 2,
    FLEET_VANTAGES = 3,
    FLEET_ASSETS = 160,
    FLEET_POLICIES = 3,
    FLEET_GRANTS = 60,
    FLEET_MANAGED = 0, /* the realm that has an inventory */
    FLEET_SCALED = 1,  /* the realm whose range is ephemeral */
};

/* Longer than four scans, shorter than five. */
static const int64_t fleet_retire_after_ms = INT64_C(9) * 3600 * 1000;

static const int fleet_ports[FLEET_PORTS] = {22, 443, 5432};

/* Which ports each policy allows. */
static const bool fleet_allows[FLEET_POLICIES][FLEET_PORTS] = {
    {false, true, false}, {true, false, false}, {false, false, false}};

struct fleet_machine {
    int address; /* -1: it is not there */
    bool up;
    char truth[FLEET_VANTAGES][FLEET_PORTS]; /* o open, c closed, f filtered */
};

struct fleet_port {
    struct looks looks[FLEET_VANTAGES];
    int64_t last_seen_ms[FLEET_VANTAGES];
    bool seen_twice[FLEET_VANTAGES]; /* in the state that it was last seen in */
    const char *presence;            /* "-" before the finding is there */
    const char *sight;
    char disposition; /* N, A, W */
    int64_t until_ms;
    int grant; /* of the waiver; -1: its own */
    bool was_covered[FLEET_GRANTS];
};

/* What a vantage says of the host at an address, and until when; a clock that is set back ends nothing earlier. */
struct fleet_word {
    bool is_living; /* not of an address that it has left */
    bool is_up;
    int64_t at_ms;
};

struct fleet_asset {
    int64_t id; /* of its row */
    int realm;
    int address;      /* -1: it has lost its own */
    int last_address; /* where it would be looked for */
    int machine;      /* by the inventory's id; -1: that has none for it */
    bool is_living;
    bool is_retired;
    int64_t created_ms;
    bool was_up;
    int64_t last_up_ms;              /* before it was: when it became known */
    bool was_missed[FLEET_VANTAGES]; /* since it was up, by a complete scan */
    struct fleet_word words[FLEET_VANTAGES][FLEET_ADDRESSES];
    struct fleet_port ports[FLEET_PORTS];
};

/* A row of the inventory: a machine, and which asset it is. */
struct fleet_row {
    bool is_there;
    int address;
    int asset;
};

/* A waiver by rule: of a realm or all (-1), of an address or all (-1). */
struct fleet_grant {
    bool is_living;
    bool of_baseline; /* the rule by which databases are judged; else the default's */
    int realm;
    int address;
    int64_t until_ms;
    bool accepts[FLEET_PORTS];
    char uuid[STORE_UUID_SIZE];
};

struct fleet {
    struct fleet_machine machines[FLEET_REALMS][FLEET_MACHINES];
    struct fleet_asset assets[FLEET_ASSETS];
    int asset_count;
    struct fleet_row rows[FLEET_MACHINES];
    int policy;
    struct fleet_grant grants[FLEET_GRANTS];
    int grant_count;
    int64_t imported_ms[FLEET_REALMS]; /* the newest file's begin */
};

/* ---- assets ---- */

/* -1: nobody is believed to have it. */
static inline int fleet_holder(const struct fleet *fleet, int realm, int address)
{
    for (int i = 0; i < fleet->asset_count; i++) {
        const struct fleet_asset *asset = &fleet->assets[i];
        if (asset->is_living && asset->realm == realm && asset->address == address) {
            return i;
        }
    }
    return -1;
}

static inline int fleet_add(struct fleet *fleet, int realm, int address, int64_t now_ms)
{
    struct fleet_asset *asset = &fleet->assets[fleet->asset_count];

    *asset = (struct fleet_asset){.realm = realm,
                                  .address = address,
                                  .last_address = address,
                                  .machine = -1,
                                  .is_living = true,
                                  .created_ms = now_ms,
                                  .last_up_ms = now_ms};
    for (int p = 0; p < FLEET_PORTS; p++) {
        asset->ports[p].presence = "-";
        asset->ports[p].sight = "FRESH";
        asset->ports[p].disposition = 'N';
        asset->ports[p].grant = -1;
    }
    return fleet->asset_count++;
}

/* Nothing that was granted outlives it. */
static inline void fleet_retire(struct fleet_asset *asset)
{
    asset->is_retired = true;
    for (int p = 0; p < FLEET_PORTS; p++) {
        asset->ports[p].disposition = 'N';
        asset->ports[p].sight = "RETIRED";
    }
}

static inline void fleet_end(struct fleet_asset *asset)
{
    fleet_retire(asset);
    asset->is_living = false;
    asset->address = -1;
}

/* ---- hosts ---- */

static inline int64_t fleet_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A host's line. */
static inline void fleet_say(struct fleet_asset *asset, int v, int address, bool is_up, int64_t at_ms)
{
    struct fleet_word *word = &asset->words[v][address];

    word->is_living = true;
    word->is_up = is_up;
    word->at_ms = fleet_later(word->at_ms, at_ms);
    if (is_up) {
        asset->last_up_ms = asset->was_up ? fleet_later(asset->last_up_ms, word->at_ms) : word->at_ms;
        asset->was_up = true;
        asset->is_retired = false;
        memset(asset->was_missed, 0, sizeof(asset->was_missed));
    }
}

/* What was said of addresses that it has no longer holds no more. */
static inline void fleet_leave(struct fleet_asset *asset, int64_t now_ms)
{
    for (int v = 0; v < FLEET_VANTAGES; v++) {
        for (int a = 0; a < FLEET_ADDRESSES; a++) {
            struct fleet_word *word = &asset->words[v][a];
            if (a != asset->address && word->is_living) {
                *word = (struct fleet_word){.at_ms = fleet_later(word->at_ms, now_ms)};
            }
        }
    }
}

/* Whether anybody's word on it is about as fresh as a scan of that time. */
static inline bool fleet_is_running(const struct fleet_asset *asset, int64_t begun_ms, int64_t ended_ms)
{
    const int64_t hour_ms = INT64_C(3600) * 1000;

    for (int v = 0; v < FLEET_VANTAGES; v++) {
        for (int a = 0; a < FLEET_ADDRESSES; a++) {
            const struct fleet_word *word = &asset->words[v][a];
            if (word->is_living && word->is_up && word->at_ms >= begun_ms - hour_ms &&
                word->at_ms <= ended_ms + hour_ms) {
                return true;
            }
        }
    }
    return false;
}

/* ---- looks ---- */

static inline bool fleet_is_open(const struct fleet_port *port, int v)
{
    return port->looks[v].last_state == 'o' && looks_was_open(&port->looks[v]) && looks_says_open(&port->looks[v]);
}

static inline bool fleet_counts(const struct fleet_asset *asset, int p)
{
    const struct fleet_port *port = &asset->ports[p];

    return strcmp(port->presence, "-") != 0 && strcmp(port->presence, "FIXED") != 0 &&
           strcmp(port->presence, "ALLOWED") != 0 && strcmp(port->sight, "RETIRED") != 0;
}

static inline void fleet_see_open(struct fleet_port *port, bool allowed)
{
    bool is_new = strcmp(port->presence, "-") == 0;

    if (allowed) {
        port->presence = is_new ? "-" : "ALLOWED";
    } else if (is_new) {
        port->presence = "NEW";
    } else if (strcmp(port->presence, "FIXED") == 0) {
        port->presence = "REAPPEARED";
    } else if (strcmp(port->presence, "REAPPEARED") != 0) {
        port->presence = "OPEN";
    }
    port->sight = "FRESH";
}

static inline void fleet_see_no_more(struct fleet_port *port)
{
    bool all_cleared = true;
    bool any_open = false;

    if (strcmp(port->presence, "-") == 0 || strcmp(port->presence, "FIXED") == 0 ||
        strcmp(port->presence, "ALLOWED") == 0) {
        return;
    }
    for (int v = 0; v < FLEET_VANTAGES; v++) {
        if (looks_was_open(&port->looks[v])) {
            all_cleared = all_cleared && looks_is_cleared(&port->looks[v]);
            any_open = any_open || looks_says_open(&port->looks[v]);
        }
    }
    port->presence = all_cleared ? "FIXED" : any_open ? port->presence : "VERIFYING";
}

static inline void fleet_look(const struct fleet *fleet, struct fleet_asset *asset, int p, int v, char look)
{
    struct fleet_port *port = &asset->ports[p];
    bool settled = looks_was_open(&port->looks[v]) && looks_is_cleared(&port->looks[v]);

    if (look != 'O' && !looks_was_open(&port->looks[v])) {
        return;
    }
    looks_add(&port->looks[v], look);
    if (look == 'O') {
        fleet_see_open(port, fleet_allows[fleet->policy][p]);
        return;
    }
    fleet_see_no_more(port);
    if (!settled && strcmp(port->sight, "RETIRED") != 0) {
        port->sight = look == 'B' ? "STALE" : "FRESH";
    }
}

/* What the scanner called it, for as long as it is called so. */
static inline void fleet_state(struct fleet_port *port, int v, char state, int64_t at_ms)
{
    if (state != 'o' && !looks_was_open(&port->looks[v])) {
        return;
    }
    port->seen_twice[v] = port->looks[v].last_state == state;
    /* After the look before it, whatever the clock says. */
    port->last_seen_ms[v] = port->looks[v].last_state == 0 ? at_ms : fleet_later(port->last_seen_ms[v] + 1, at_ms);
    port->looks[v].last_state = state;
}

/* ---- judging without a scan ---- */

static inline void fleet_judge_port(const struct fleet *fleet, struct fleet_asset *asset, int p)
{
    struct fleet_port *port = &asset->ports[p];
    bool allowed = fleet_allows[fleet->policy][p];
    int last = -1;

    for (int v = 0; v < FLEET_VANTAGES; v++) {
        if (fleet_is_open(port, v) && (last < 0 || port->last_seen_ms[v] > port->last_seen_ms[last])) {
            last = v;
        }
    }
    if (last < 0) {
        return;
    }
    if (strcmp(port->presence, "-") == 0) {
        /* Each begins FRESH. */
        port->presence = allowed ? "-" : port->seen_twice[last] ? "OPEN" : "NEW";
        port->sight = "FRESH";
    } else if (strcmp(port->sight, "RETIRED") == 0) {
        return;
    } else if (allowed && strcmp(port->presence, "FIXED") != 0 && strcmp(port->presence, "VERIFYING") != 0) {
        port->presence = "ALLOWED";
    } else if (!allowed && strcmp(port->presence, "ALLOWED") == 0) {
        port->presence = "OPEN";
    }
}

static inline void fleet_judge(struct fleet *fleet, int policy)
{
    fleet->policy = policy;
    for (int i = 0; i < fleet->asset_count; i++) {
        for (int p = 0; p < FLEET_PORTS; p++) {
            if (fleet->assets[i].is_living && !fleet->assets[i].is_retired) {
                fleet_judge_port(fleet, &fleet->assets[i], p);
            }
        }
    }
}

/* ---- the inventory ---- */

/* By its id, else by its address, unless another machine of the inventory is known to be there; else it is new. */
static inline int fleet_find(struct fleet *fleet, int machine, int address, int64_t now_ms)
{
    int holder;

    for (int i = 0; i < fleet->asset_count; i++) {
        if (fleet->assets[i].is_living && fleet->assets[i].machine == machine) {
            return i;
        }
    }
    holder = fleet_holder(fleet, FLEET_MANAGED, address);
    return holder >= 0 && fleet->assets[holder].machine < 0 ? holder : fleet_add(fleet, FLEET_MANAGED, -1, now_ms);
}

static inline void fleet_list(struct fleet *fleet, int machine, int address, int64_t now_ms)
{
    int found = fleet_find(fleet, machine, address, now_ms);
    struct fleet_asset *asset = &fleet->assets[found];
    int holder = fleet_holder(fleet, FLEET_MANAGED, address);

    if (holder >= 0 && holder != found) {
        fleet->assets[holder].address = -1;
        fleet_leave(&fleet->assets[holder], now_ms);
    }
    if (!fleet->rows[machine].is_there) {
        asset->is_retired = false;
    }
    asset->machine = machine;
    asset->address = asset->last_address = address;
    fleet_leave(asset, now_ms);
    fleet->rows[machine] = (struct fleet_row){.is_there = true, .address = address, .asset = found};
}

/* `listed[m]`: the address that it says of machine m, -1: it does not have it. */
static inline void fleet_read(struct fleet *fleet, const int listed[FLEET_MACHINES], bool is_complete,
                              bool is_confirmed, int64_t now_ms)
{
    int before = 0;
    int lost = 0;

    for (int m = 0; m < FLEET_MACHINES; m++) {
        before += fleet->rows[m].is_there;
        lost += fleet->rows[m].is_there && listed[m] < 0;
    }
    for (int m = 0; m < FLEET_MACHINES; m++) {
        if (listed[m] >= 0) {
            fleet_list(fleet, m, listed[m], now_ms);
        }
    }
    if (!is_confirmed && (!is_complete || lost * 5 > before)) {
        return;
    }
    for (int m = 0; m < FLEET_MACHINES; m++) {
        if (fleet->rows[m].is_there && listed[m] < 0) {
            fleet->rows[m].is_there = false;
            if (fleet->assets[fleet->rows[m].asset].is_living) {
                fleet_retire(&fleet->assets[fleet->rows[m].asset]);
            }
        }
    }
}

/* ---- autoscaling ---- */

/* `found[a]`: u up, d down at that address as this scan saw it, 0: it did not look. After the looks. */
static inline void fleet_let_go(struct fleet *fleet, int v, const char found[FLEET_ADDRESSES])
{
    bool populated = false;

    for (int i = 0; i < fleet->asset_count; i++) {
        const struct fleet_asset *asset = &fleet->assets[i];
        populated = populated || (asset->is_living && asset->realm == FLEET_SCALED && asset->address >= 0 &&
                                  found[asset->address] == 'u');
    }
    for (int i = 0; populated && i < fleet->asset_count; i++) {
        struct fleet_asset *asset = &fleet->assets[i];
        if (asset->is_living && asset->realm == FLEET_SCALED && asset->address >= 0 && found[asset->address] == 'd' &&
            asset->words[v][asset->address].at_ms - asset->last_up_ms >= fleet_retire_after_ms &&
            asset->was_missed[v]) {
            fleet_retire(asset);
        }
    }
}

/* ---- what must hold of the store, whatever the model says ---- */

/* Of every log, whoever wrote it: each event begins where the one before it ended, and is a move of design. */
static inline void fleet_check_logs(struct fixture *fixture, uint64_t seed)
{
    static const char *const none[] = {
        "SELECT count(*) FROM (SELECT was, lag(became) OVER (PARTITION BY finding_id, what ORDER BY id) AS before FROM"
        " finding_event WHERE what IN ('presence', 'disposition', 'sight')) WHERE before IS NOT NULL AND before <> was",
        "SELECT count(*) FROM finding_event WHERE what = 'presence' AND was || '>' || became NOT IN ('>NEW',"
        " 'NEW>OPEN', 'NEW>VERIFYING', 'NEW>ALLOWED', 'OPEN>VERIFYING', 'OPEN>ALLOWED', 'VERIFYING>OPEN',"
        " 'VERIFYING>FIXED', 'VERIFYING>ALLOWED', 'FIXED>REAPPEARED', 'FIXED>ALLOWED', 'REAPPEARED>VERIFYING',"
        " 'REAPPEARED>ALLOWED', 'ALLOWED>OPEN')",
        "SELECT count(*) FROM finding_event WHERE what = 'sight' AND was || '>' || became NOT IN ('FRESH>STALE',"
        " 'STALE>FRESH', 'FRESH>RETIRED', 'STALE>RETIRED', 'RETIRED>FRESH')",
        "SELECT count(*) FROM finding_event WHERE what = 'disposition' AND was || '>' || became NOT IN"
        " ('NONE>ACKNOWLEDGED', 'NONE>WAIVED', 'ACKNOWLEDGED>NONE', 'ACKNOWLEDGED>WAIVED', 'WAIVED>NONE')",
        "SELECT count(*) FROM finding_event WHERE actor = '' OR reason = '' OR NOT json_valid(evidence)",
        "SELECT count(*) FROM finding f WHERE (f.disposition = 'WAIVED') <> EXISTS (SELECT 1 FROM waiver w WHERE"
        " w.finding_id = f.id AND w.ended_at IS NULL)",
        "SELECT count(*) FROM endpoint_state WHERE first_seen > last_seen OR ended_at < last_seen",
        "SELECT count(*) FROM endpoint_state a JOIN endpoint_state b ON a.endpoint_id = b.endpoint_id AND a.id < b.id"
        " WHERE a.ended_at IS NULL OR a.ended_at > b.first_seen",
        /* What is of one realm was seen by scans of that realm. */
        "SELECT count(*) FROM endpoint_state s JOIN endpoint e ON e.id = s.endpoint_id JOIN asset a ON a.id ="
        " e.asset_id JOIN scan c ON c.id = s.last_scan_id WHERE c.realm_id <> a.realm_id",
        /* Nobody has two addresses of a family, and nobody else's. */
        "SELECT count(*) FROM (SELECT 1 FROM asset_identity WHERE kind = 'address' AND valid_to IS NULL GROUP BY"
        " realm_id, value HAVING count(*) > 1)",
    };

    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        if (fixture_int(fixture, none[i]) != 0) {
            fail_msg("LEASTPORT_TEST_SEED=%llu: not 0 but %lld: %s", (unsigned long long)seed,
                     (long long)fixture_int(fixture, none[i]), none[i]);
        }
    }
}

#endif
