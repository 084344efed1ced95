/* The part of test_history.c's model that people decide: a finding's disposition, waivers of findings and of rules,
 * what they accepted, and clocks that jump. As simple as it can be: arrays, and every rule said once. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_DECISIONS_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_DECISIONS_H

#include "tests/unit/auditd/fixture.h"

#include "auditd/finding/decide.h"
#include "auditd/finding/disposition.h"

#include <errno.h>

enum { DECISION_HOSTS = 2, DECISION_PORTS = 4, DECISION_GRANTS = 16, DECISION_BREADTHS = 3, DECISION_SERVICES = 2 };

/* How wide each port is exposed and what answers, in the world, as the finding has it, and as it was accepted. Both are
 * numbers of the tables below. */
struct decision_facts {
    int breadth;
    int service;
};

struct decision_port {
    struct decision_facts world;
    struct decision_facts known;
    struct decision_facts accepted;
    char disposition; /* N, A, W */
    int64_t until;
    int grant; /* -1: of its own */
    bool was_covered[DECISION_GRANTS];
};

struct decision_grant {
    bool living;
    int port;
    int host; /* -1: all */
    int64_t until;
    int breadth;
    bool services[DECISION_SERVICES];
    char uuid[STORE_UUID_SIZE];
};

struct decisions {
    struct decision_port ports[DECISION_HOSTS][DECISION_PORTS];
    struct decision_grant grants[DECISION_GRANTS];
    int grant_count;
    int64_t skew_ms; /* of the clock by which decisions are dated */
};

static const double decision_breadths[DECISION_BREADTHS] = {0.15, 0.4, 1};
static const char *const decision_services[DECISION_SERVICES] = {"ssh", "telnet"};

/* What every judgement asks. */
static struct decisions *decisions_now;
static const int *decision_port_numbers;

static inline void decisions_init(struct decisions *decisions, const int *port_numbers)
{
    memset(decisions, 0, sizeof(*decisions));
    for (int h = 0; h < DECISION_HOSTS; h++) {
        for (int p = 0; p < DECISION_PORTS; p++) {
            decisions->ports[h][p].disposition = 'N';
            decisions->ports[h][p].grant = -1;
        }
    }
    decisions_now = decisions;
    decision_port_numbers = port_numbers;
}

/* ---- time and judgement change things by themselves ---- */

static inline bool decision_holds(const struct decision_port *port, int64_t now_ms)
{
    return !(port->disposition == 'W' && port->until <= now_ms) && port->known.breadth <= port->accepted.breadth &&
           port->known.service == port->accepted.service;
}

static inline void decision_waive(struct decision_port *port, int64_t until, int grant)
{
    port->disposition = 'W';
    port->accepted = port->known;
    port->until = until;
    port->grant = grant;
    if (grant >= 0) {
        port->was_covered[grant] = true;
    }
}

/* `counts[h][p]`: its finding is there and open. `touched[h]`: the scan looked at all of the host, or moved a finding
 * of it; NULL when no scan asks: waivers of rules cover what is new on all hosts then. */
static inline void decisions_enforce(struct decisions *decisions, bool counts[DECISION_HOSTS][DECISION_PORTS],
                                     int64_t now_ms, bool *touched)
{
    for (int i = 0; i < DECISION_HOSTS * DECISION_PORTS; i++) {
        struct decision_port *port = &decisions->ports[i / DECISION_PORTS][i % DECISION_PORTS];
        if (port->disposition != 'N' && !decision_holds(port, now_ms)) {
            port->disposition = 'N';
            if (touched != NULL) {
                touched[i / DECISION_PORTS] = true;
            }
        }
    }
    for (int g = 0; g < decisions->grant_count; g++) {
        struct decision_grant *grant = &decisions->grants[g];
        grant->living = grant->living && grant->until > now_ms;
        for (int h = 0; grant->living && h < DECISION_HOSTS; h++) {
            struct decision_port *port = &decisions->ports[h][grant->port];
            if ((touched == NULL || touched[h]) && (grant->host < 0 || grant->host == h) && counts[h][grant->port] &&
                port->disposition != 'W' && !port->was_covered[g] && port->known.breadth <= grant->breadth &&
                grant->services[port->known.service]) {
                decision_waive(port, grant->until, g);
            }
        }
    }
}

/* ---- requests ---- */

/* What one decision is about. */
struct decision_case {
    struct fixture *fixture;
    struct decisions *decisions;
    bool (*counts)[DECISION_PORTS];
    int h;
    int p;
    int64_t now_ms;
    int64_t until;
};

static inline struct decision_port *decision_port(const struct decision_case *this)
{
    return &this->decisions->ports[this->h][this->p];
}

static inline int decision_ask(struct fixture *fixture, json_t *request, int64_t now_ms, json_t **ret_answer)
{
    const struct decide_options options = {"tester", now_ms, 86400000};
    char reason[DECIDE_REASON_SIZE];
    int rc;

    assert_non_null(request);
    rc = decide_run(fixture->store, request, &options, ret_answer, reason);
    json_decref(request);
    return rc;
}

static inline json_t *decision_name(int h, int p)
{
    char name[64];

    snprintf(name, sizeof(name), "10.0.0.%d:%d", h + 1, decision_port_numbers[p]);
    return json_pack("[s]", name);
}

static inline void decision_expect(int rc, int expected, const char *what)
{
    if (rc != expected) {
        fail_msg("%s: %d, but the model says %d", what, rc, expected);
    }
}

/* The model does not say whether a port that does not count has a finding at all. */
static inline void decision_expect_there(int rc, int expected, const char *what)
{
    decision_expect(rc == -ENOENT ? -EPERM : rc, expected, what);
}

static inline int decision_plain(const struct decision_case *this, const char *word)
{
    json_t *answer = NULL;
    int rc = decision_ask(
        this->fixture,
        json_pack("{s:s, s:o, s:s}", "do", word, "findings", decision_name(this->h, this->p), "reason", "because"),
        this->now_ms, &answer);

    json_decref(answer);
    return rc;
}

static inline void decision_acknowledge(const struct decision_case *this)
{
    struct decision_port *port = decision_port(this);
    int expected = !this->counts[this->h][this->p] ? -EPERM : port->disposition == 'W' ? -EPERM : 0;

    decision_expect_there(decision_plain(this, "acknowledge"), expected, "acknowledge");
    if (expected == 0 && port->disposition == 'N') {
        port->disposition = 'A';
        port->accepted = port->known;
    }
}

static inline void decision_reopen(const struct decision_case *this, bool of_waiver)
{
    struct decision_port *port = decision_port(this);
    int expected = port->disposition == (of_waiver ? 'W' : 'A') ? 0 : -EPERM;

    decision_expect_there(decision_plain(this, of_waiver ? "unwaive" : "unacknowledge"), expected, "open again");
    if (expected == 0) {
        port->disposition = 'N';
    }
}

static inline json_t *decision_until(int64_t until)
{
    char text[WALL_TEXT_SIZE];

    return json_string(wall_format(until, text));
}

static inline void decision_waive_one(const struct decision_case *this)
{
    json_t *answer = NULL;
    int expected = this->until <= this->now_ms ? -EINVAL : !this->counts[this->h][this->p] ? -EPERM : 0;
    int rc =
        decision_ask(this->fixture,
                     json_pack("{s:s, s:o, s:s, s:s, s:o}", "do", "waive", "findings", decision_name(this->h, this->p),
                               "reason", "because", "owner", "me", "until", decision_until(this->until)),
                     this->now_ms, &answer);

    json_decref(answer);
    decision_expect_there(rc, expected, "waive");
    if (rc == 0) {
        decision_waive(decision_port(this), this->until, -1);
    }
}

/* What the grant would cover as it is given; it accepts all of that. */
static inline int decision_cover(struct decisions *decisions, bool counts[DECISION_HOSTS][DECISION_PORTS], int g)
{
    struct decision_grant *grant = &decisions->grants[g];
    int covered = 0;

    for (int h = 0; h < DECISION_HOSTS; h++) {
        struct decision_port *port = &decisions->ports[h][grant->port];
        if ((grant->host < 0 || grant->host == h) && counts[h][grant->port] && port->disposition != 'W') {
            grant->breadth = port->known.breadth > grant->breadth ? port->known.breadth : grant->breadth;
            grant->services[port->known.service] = true;
            decision_waive(port, grant->until, g);
            covered++;
        }
    }
    return covered;
}

/* The rule of the case's port, on one host or, with -1, on all. */
static inline json_t *decision_rule_request(const struct decision_case *this, int host)
{
    json_t *hosts = json_object();
    char text[64];

    if (host >= 0) {
        snprintf(text, sizeof(text), "10.0.0.%d/32", host + 1);
        json_object_set_new(hosts, "cidr", json_pack("[s]", text));
    }
    snprintf(text, sizeof(text), "user/%d", decision_port_numbers[this->p]);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "do", "waive", "rule", text, "hosts", hosts, "reason", "because",
                     "owner", "me", "until", decision_until(this->until));
}

static inline void decision_waive_rule(const struct decision_case *this, int host)
{
    struct decisions *decisions = this->decisions;
    struct decision_grant *grant = &decisions->grants[decisions->grant_count];
    json_t *answer = NULL;
    int covered;
    int rc;

    if (decisions->grant_count == DECISION_GRANTS || this->until <= this->now_ms) {
        return;
    }
    *grant = (struct decision_grant){.living = true, .port = this->p, .host = host, .until = this->until};
    covered = decision_cover(decisions, this->counts, decisions->grant_count);
    rc = decision_ask(this->fixture, decision_rule_request(this, host), this->now_ms, &answer);
    decision_expect(rc, covered == 0 ? -ENOENT : 0, "waive by rule");
    if (rc == 0) {
        json_t *row = json_array_get(json_object_get(answer, "waivers"), 0);
        assert_int_equal(json_integer_value(json_object_get(row, "findings")), covered);
        snprintf(grant->uuid, sizeof(grant->uuid), "%s", json_string_value(json_object_get(row, "waiver")));
        decisions->grant_count++;
    }
    json_decref(answer);
}

static inline void decision_end_rule(struct fixture *fixture, struct decisions *decisions, int g, int64_t now_ms)
{
    struct decision_grant *grant = &decisions->grants[g];
    json_t *answer = NULL;
    int rc = decision_ask(fixture,
                          json_pack("{s:s, s:[s], s:s}", "do", "unwaive", "waivers", grant->uuid, "reason", "because"),
                          now_ms, &answer);

    json_decref(answer);
    decision_expect(rc, grant->living ? 0 : -ENOENT, "unwaive by rule");
    grant->living = false;
    for (int h = 0; rc == 0 && h < DECISION_HOSTS; h++) {
        struct decision_port *port = &decisions->ports[h][grant->port];
        if (port->disposition == 'W' && port->grant == g) {
            port->disposition = 'N';
        }
    }
}

/* What the daemon's timer does. */
static inline void decision_tick(const struct decision_case *this)
{
    uint64_t moved = 0;

    assert_int_equal(store_begin(this->fixture->store), 0);
    assert_int_equal(disposition_enforce(this->fixture->store, this->now_ms, 0, &moved), 0);
    assert_int_equal(store_commit(this->fixture->store), 0);
    decisions_enforce(this->decisions, this->counts, this->now_ms, NULL);
}

/* ---- what must hold of every log, whoever wrote it ---- */

static inline void decisions_compare_logs(struct fixture *fixture)
{
    static const char *const none[] = {
        /* Each event begins where the one before it ended. */
        "SELECT count(*) FROM (SELECT finding_id, what, was, lag(became) OVER (PARTITION BY finding_id, what ORDER BY"
        " id) AS before FROM finding_event WHERE what IN ('presence', 'disposition', 'sight')) WHERE before IS NOT"
        " NULL AND before <> was",
        "SELECT count(*) FROM finding_event WHERE what = 'presence' AND was || '>' || became NOT IN ('>NEW',"
        " 'NEW>OPEN', 'NEW>VERIFYING', 'OPEN>VERIFYING', 'VERIFYING>OPEN', 'VERIFYING>FIXED', 'VERIFYING>FOLDED',"
        " 'FIXED>REAPPEARED', 'REAPPEARED>VERIFYING', 'FOLDED>NEW')",
        "SELECT count(*) FROM finding_event WHERE what = 'disposition' AND was || '>' || became NOT IN"
        " ('NONE>ACKNOWLEDGED', 'NONE>WAIVED', 'ACKNOWLEDGED>NONE', 'ACKNOWLEDGED>WAIVED', 'WAIVED>NONE')",
        "SELECT count(*) FROM finding_event WHERE what = 'sight' AND was || '>' || became NOT IN ('FRESH>STALE',"
        " 'STALE>FRESH')",
        "SELECT count(*) FROM finding_event WHERE actor = '' OR reason = '' OR evidence = '' OR NOT"
        " json_valid(evidence)",
        "SELECT count(*) FROM finding f WHERE (f.disposition = 'WAIVED') <> EXISTS (SELECT 1 FROM waiver w WHERE"
        " w.finding_id = f.id AND w.ended_at IS NULL)",
        "SELECT count(*) FROM finding f WHERE f.disposition <> coalesce((SELECT became FROM finding_event e WHERE"
        " e.finding_id = f.id AND e.what = 'disposition' ORDER BY id DESC LIMIT 1), 'NONE')",
        "SELECT count(*) FROM waiver w JOIN waiver_grant g ON g.id = w.grant_id WHERE w.ended_at IS NULL AND"
        " g.ended_at IS NOT NULL",
    };

    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        if (fixture_int(fixture, none[i]) != 0) {
            fail_msg("not 0 but %lld: %s", (long long)fixture_int(fixture, none[i]), none[i]);
        }
    }
}

#endif
