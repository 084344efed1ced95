/* Random histories of hosts that go up and down, ports that open, close and vanish behind firewalls, get wider or
 * answer otherwise, of people who acknowledge and waive, of clocks that jump, and of scans that see all of it, some of
 * it or nothing: the store must say what a simple model says that keeps every look for ever. */
#include "tests/unit/auditd/fixture.h"
#include "tests/unit/auditd/history_decisions.h"
#include "tests/unit/auditd/history_keeping.h"
#include "tests/unit/auditd/history_looks.h"

#include "auditd/finding/settle.h"
#include "auditd/store/scan.h"
#include "tests/unit/seed.h"

enum {
    HOSTS = DECISION_HOSTS,
    PORTS = DECISION_PORTS,
    VANTAGES = 2,
    SCANS = 60,
    SCANS_AFTER = 12, /* while history goes */
    HISTORIES_FEW = 12,
    STEP_MS = 7200 * 1000
};

static const char *const vantages[VANTAGES] = {"here", "there"};
/* The last is one that hosts lend for a while. */
static const int ports[PORTS] = {22, 80, 5432, 40000};

enum truth { TRUTH_OPEN, TRUTH_CLOSED, TRUTH_DROPPED };

struct model_port {
    enum truth truth[VANTAGES];
    struct looks looks[VANTAGES];
    const char *presence; /* "-" before the finding is there */
    const char *sight;
    bool lent;
    bool confirmed; /* a second probe found it open, once */
    const struct decision_port *decided;
};

/* The finding of a host that stands for listeners which came and went. */
struct model_fold {
    const char *presence;
    const char *sight;
    int unseen;
    bool open[VANTAGES];
};

struct model {
    struct model_fold folds[HOSTS];
    bool up[HOSTS];
    struct model_port ports[HOSTS][PORTS];
    struct decisions decisions;
};

/* Rows that went, of all histories. */
static int64_t forgotten;
struct random_source {
    uint64_t state;
};

/* SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough to wander. */
static uint64_t draw(struct random_source *source, uint64_t below)
{
    uint64_t z = (source->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* As wide as the world has it, with what answers there. */
static void judge_all(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    const struct decision_facts *world = NULL;

    (void)policy;
    for (int p = 0; p < PORTS; p++) {
        if (ports[p] == exposure->port) {
            world = &decisions_now->ports[exposure->addresses[0].bytes[3] - 1][p].world;
        }
    }
    assert_non_null(world);
    *ret_verdict = (struct verdict){.verdict = VERDICT_FINDING,
                                    .severity = SEVERITY_LOW,
                                    .kind = "exposure",
                                    .breadth = decision_breadths[world->breadth]};
    snprintf(ret_verdict->service, sizeof(ret_verdict->service), "%s", decision_services[world->service]);
    snprintf(ret_verdict->rule_id, sizeof(ret_verdict->rule_id), "default");
    if (exposure->port != ports[PORTS - 1]) {
        snprintf(ret_verdict->rule_id, sizeof(ret_verdict->rule_id), "user/%u", exposure->port);
    }
}

static void model_presence(struct model_port *port, char look)
{
    bool all_cleared = true;
    bool any_open = false;

    if (look == 'O') {
        port->presence = strcmp(port->presence, "-") == 0           ? "NEW"
                         : strcmp(port->presence, "NEW") == 0       ? "OPEN"
                         : strcmp(port->presence, "VERIFYING") == 0 ? "OPEN"
                         : strcmp(port->presence, "FIXED") == 0     ? "REAPPEARED"
                         : strcmp(port->presence, "FOLDED") == 0    ? "NEW"
                                                                    : port->presence;
        port->confirmed = port->confirmed || strcmp(port->presence, "NEW") != 0;
        return;
    }
    if (strcmp(port->presence, "-") == 0 || strcmp(port->presence, "FIXED") == 0 ||
        strcmp(port->presence, "FOLDED") == 0) {
        return;
    }
    for (int v = 0; v < VANTAGES; v++) {
        if (looks_was_open(&port->looks[v])) {
            all_cleared = all_cleared && looks_is_cleared(&port->looks[v]);
            any_open = any_open || looks_says_open(&port->looks[v]);
        }
    }
    port->presence = all_cleared
                         ? (port->lent && !port->confirmed && port->decided->disposition == 'N' ? "FOLDED" : "FIXED")
                     : any_open ? port->presence
                                : "VERIFYING";
}

/* `look` of a port that this vantage never saw open says nothing. */
static void model_look(struct model_port *port, int vantage, char look)
{
    struct looks *looks = &port->looks[vantage];
    bool settled = looks_was_open(looks) && looks_is_cleared(looks);

    if (look != 'O' && !looks_was_open(looks)) {
        return;
    }
    looks_add(looks, look);
    model_presence(port, look);
    if (look == 'O' || (look != 'B' && !settled)) {
        port->sight = "FRESH";
    } else if (look == 'B' && !settled) {
        port->sight = "STALE";
    }
}

static void model_interval(struct looks *looks, char state)
{
    if ((looks_was_open(looks) || state == 'o') && looks->last_state != state) {
        looks->last_state = state;
        looks->intervals++;
    }
}

/* Whether it is in the last state that anybody saw it in, and nothing counts against that. */
static bool is_seen_open(const struct model_port *port)
{
    for (int v = 0; v < VANTAGES; v++) {
        if (port->looks[v].last_state == 'o' && looks_was_open(&port->looks[v]) && looks_says_open(&port->looks[v])) {
            return true;
        }
    }
    return false;
}

static void model_counts(const struct model *model, bool counts[HOSTS][PORTS])
{
    for (int h = 0; h < HOSTS; h++) {
        for (int p = 0; p < PORTS; p++) {
            const char *presence = model->ports[h][p].presence;
            counts[h][p] =
                strcmp(presence, "-") != 0 && strcmp(presence, "FIXED") != 0 && strcmp(presence, "FOLDED") != 0;
        }
    }
}

/* A port that this vantage has to do with, and that somebody sees open, is judged as it is now. */
static void model_judge(struct model *model, int vantage, int64_t now_ms, bool touched[HOSTS])
{
    bool counts[HOSTS][PORTS];

    for (int h = 0; h < HOSTS; h++) {
        for (int p = 0; p < PORTS; p++) {
            struct decision_port *decided = &model->decisions.ports[h][p];
            if (looks_was_open(&model->ports[h][p].looks[vantage]) && is_seen_open(&model->ports[h][p])) {
                touched[h] = touched[h] || decided->known.breadth != decided->world.breadth ||
                             decided->known.service != decided->world.service;
                decided->known = decided->world;
            }
        }
    }
    model_counts(model, counts);
    decisions_enforce(&model->decisions, counts, now_ms, touched);
}

static void change_the_world(struct model *model, struct random_source *source)
{
    for (uint64_t changes = draw(source, 3); changes > 0; changes--) {
        struct model_port *port = &model->ports[draw(source, HOSTS)][draw(source, PORTS)];
        port->truth[draw(source, VANTAGES)] = (enum truth)draw(source, 3);
    }
    if (draw(source, 6) == 0) {
        uint64_t host = draw(source, HOSTS);
        model->up[host] = !model->up[host];
    }
    if (draw(source, 3) == 0) {
        struct decision_facts *world = &model->decisions.ports[draw(source, HOSTS)][draw(source, PORTS)].world;
        world->breadth = (int)draw(source, DECISION_BREADTHS);
        world->service = draw(source, 4) == 0 ? 1 : 0;
    }
    if (draw(source, 8) == 0) {
        model->decisions.skew_ms += ((int64_t)draw(source, 21) - 10) * STEP_MS;
    }
}

static void decide_one(const struct decision_case *this, uint64_t what, struct random_source *source)
{
    struct decision_case of_rule = *this;

    switch (what) {
    case 0:
    case 1:
        decision_acknowledge(this);
        break;
    case 2:
        decision_reopen(this, draw(source, 2) == 0);
        break;
    case 3:
    case 4:
        decision_waive_one(this);
        break;
    case 5:
        /* Not of the rule by which the finding is that stands for listeners which came and went. */
        of_rule.p = this->p % (PORTS - 1);
        decision_waive_rule(&of_rule, (int)draw(source, HOSTS + 1) - 1);
        break;
    case 6:
        decision_tick(this);
        break;
    default:
        if (this->decisions->grant_count > 0) {
            decision_end_rule(this->fixture, this->decisions, (int)draw(source, (uint64_t)this->decisions->grant_count),
                              this->now_ms);
        }
    }
}

/* Up to three decisions, legal or not: what the model refuses the store has to refuse too. */
static void people_decide(struct fixture *fixture, struct model *model, struct random_source *source)
{
    struct decisions *decisions = &model->decisions;
    int64_t now_ms = fixture->now_ms + decisions->skew_ms;

    for (uint64_t left = draw(source, 4); left > 0; left--) {
        bool counts[HOSTS][PORTS];
        const struct decision_case this = {
            .fixture = fixture,
            .decisions = decisions,
            .counts = counts,
            .h = (int)draw(source, HOSTS),
            .p = (int)draw(source, PORTS),
            .now_ms = now_ms,
            .until = now_ms + ((int64_t)draw(source, 12) - 1) * STEP_MS,
        };
        model_counts(model, counts);
        decide_one(&this, draw(source, 8), source);
    }
}

struct sweep_case {
    int vantage;
    bool complete;
    bool canary;
};

static void scan_port(struct fixture *fixture, struct model *model, const struct sweep_case *sweep, int h, int p)
{
    static const struct {
        const char *state;
        const char *reason;
    } seen[] = {{"open", "syn-ack"}, {"closed", "conn-refused"}, {"filtered", "no-response"}};
    struct model_port *port = &model->ports[h][p];
    enum truth truth = model->up[h] ? port->truth[sweep->vantage] : TRUTH_DROPPED;
    char address[32];
    char look = truth == TRUTH_OPEN ? 'O' : truth == TRUTH_CLOSED ? 'R' : 'B';

    if (truth == TRUTH_DROPPED && model->up[h] && sweep->complete && sweep->canary) {
        look = 'S';
    }
    snprintf(address, sizeof(address), "10.0.0.%d", h + 1);
    fixture_port(fixture, address, ports[p], seen[truth].state, seen[truth].reason);
    model_interval(&port->looks[sweep->vantage], seen[truth].state[0]);
    model_look(port, sweep->vantage, look);
}

static void model_fold(struct model *model, const struct sweep_case *sweep, int h, bool folded)
{
    const struct model_port *port = &model->ports[h][PORTS - 1];
    struct model_fold *fold = &model->folds[h];

    if (folded) {
        fold->presence = strcmp(fold->presence, "-") == 0            ? "NEW"
                         : strcmp(fold->presence, "FIXED") == 0      ? "REAPPEARED"
                         : strcmp(fold->presence, "REAPPEARED") == 0 ? "REAPPEARED"
                                                                     : "OPEN";
        fold->sight = "FRESH";
        fold->unseen = 0;
        fold->open[sweep->vantage] = true;
        return;
    }
    if (!fold->open[sweep->vantage] || strcmp(port->presence, "NEW") == 0 || strcmp(port->presence, "VERIFYING") == 0) {
        return;
    }
    if (!sweep->complete || !model->up[h]) {
        fold->sight = "STALE";
        return;
    }
    fold->sight = "FRESH";
    fold->unseen++;
    fold->presence = fold->unseen == 1 ? "VERIFYING" : "FIXED";
    if (fold->unseen == 2) {
        memset(fold->open, 0, sizeof(fold->open));
    }
}

/* A port that an incomplete scan leaves out is one that it was blind to. Whether the host was looked at, or a finding
 * of it moved. */
static bool scan_host(struct fixture *fixture, struct model *model, const struct sweep_case *sweep, int h,
                      struct random_source *source)
{
    const char *before = model->ports[h][PORTS - 1].presence;
    const struct model_fold folded = model->folds[h];
    bool touched = sweep->complete;
    char address[32];

    snprintf(address, sizeof(address), "10.0.0.%d", h + 1);
    for (int p = 0; p < PORTS; p++) {
        const struct model_port *port = &model->ports[h][p];
        const char *presence = port->presence;
        const char *sight = port->sight;
        if (sweep->complete || draw(source, 2) == 0) {
            scan_port(fixture, model, sweep, h, p);
        } else {
            model_look(&model->ports[h][p], sweep->vantage, 'B');
        }
        touched = touched || strcmp(presence, port->presence) != 0 || strcmp(sight, port->sight) != 0;
    }
    if (sweep->complete) {
        fixture_host(fixture, address, model->up[h]);
    }
    model_fold(model, sweep, h,
               strcmp(before, "FOLDED") != 0 && strcmp(model->ports[h][PORTS - 1].presence, "FOLDED") == 0);
    return touched || strcmp(folded.presence, model->folds[h].presence) != 0 ||
           strcmp(folded.sight, model->folds[h].sight) != 0;
}

static void settle_again_and_again(struct fixture *fixture, struct random_source *source, int64_t skew_ms)
{
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    options.judge = judge_all;
    options.now_ms = fixture->now_ms + skew_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    if (draw(source, 4) == 0) {
        ingest_destroy(fixture->ingest);
        fixture->ingest = NULL;
        store_close(fixture->store);
        fixture_open(fixture);
        assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
        assert_int_equal(result.judged + result.created + result.moved, 0);
    }
}

static void one_scan(struct fixture *fixture, struct model *model, struct random_source *source)
{
    const struct sweep_case sweep = {(int)draw(source, VANTAGES), draw(source, 5) > 0, draw(source, 5) > 0};
    const struct fixture_plan plan = {"site",
                                      vantages[sweep.vantage],
                                      "[\"10.0.0.0/24\"]",
                                      "22,80,5432,40000",
                                      ",\"canary\":{\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7}",
                                      1,
                                      0};
    bool touched[HOSTS];

    /* So long after the one before that another vantage's word is no proof of life any more. */
    fixture->now_ms += STEP_MS;
    fixture_start(fixture, &plan);
    fixture_line(
        fixture, "canary",
        "\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7,\"phase\":\"end\",\"state\":\"%s\",\"reason\":\"x\"",
        sweep.canary ? "answered" : "silent");
    for (int h = 0; h < HOSTS; h++) {
        touched[h] = scan_host(fixture, model, &sweep, h, source);
    }
    if (sweep.complete) {
        fixture_slab(fixture, 0, 1);
    }
    fixture_end(fixture, sweep.complete);
    model_judge(model, sweep.vantage, fixture->now_ms + model->decisions.skew_ms, touched);
    settle_again_and_again(fixture, source, model->decisions.skew_ms);
}

static void compare_fold(struct fixture *fixture, const struct model *model, uint64_t seed, int scan)
{
    char sql[512];
    char expected[64];

    for (int h = 0; h < HOSTS; h++) {
        const struct model_fold *fold = &model->folds[h];
        snprintf(sql, sizeof(sql),
                 "SELECT presence || ' ' || sight FROM finding f JOIN asset_identity i ON i.asset_id = f.asset_id"
                 " WHERE i.value = '10.0.0.%d' AND f.port = 0",
                 h + 1);
        snprintf(expected, sizeof(expected), "%s%s%s", fold->presence, fold->presence[0] == '-' ? "" : " ",
                 fold->presence[0] == '-' ? "" : fold->sight);
        if (strcmp(fixture_text(fixture, sql), expected) != 0) {
            fail_msg("seed %llu, scan %d, 10.0.0.%d short-lived listeners: %s, but the model says %s; looks %s / %s",
                     (unsigned long long)seed, scan, h + 1, fixture_text(fixture, sql), expected,
                     model->ports[h][PORTS - 1].looks[0].log, model->ports[h][PORTS - 1].looks[1].log);
        }
    }
}

static const char *disposition_word(char disposition)
{
    return disposition == 'N' ? "NONE" : disposition == 'A' ? "ACKNOWLEDGED" : "WAIVED";
}

static void compare(struct fixture *fixture, const struct model *model, uint64_t seed, int scan)
{
    char sql[512];
    char expected[128];

    for (int h = 0; h < HOSTS; h++) {
        for (int p = 0; p < PORTS; p++) {
            const struct model_port *port = &model->ports[h][p];
            const struct decision_port *decided = port->decided;
            snprintf(sql, sizeof(sql),
                     "SELECT presence || ' ' || sight || ' ' || disposition || ' ' || breadth || ' ' || service FROM"
                     " finding f JOIN asset_identity i ON i.asset_id = f.asset_id"
                     " WHERE i.value = '10.0.0.%d' AND f.port = %d",
                     h + 1, ports[p]);
            snprintf(expected, sizeof(expected), "%s %s %s %.15g%s %s", port->presence, port->sight,
                     disposition_word(decided->disposition), decision_breadths[decided->known.breadth],
                     decided->known.breadth == 2 ? ".0" : "", decision_services[decided->known.service]);
            if (port->presence[0] == '-') {
                expected[1] = '\0';
            }
            if (strcmp(fixture_text(fixture, sql), expected) != 0) {
                fail_msg("seed %llu, scan %d, 10.0.0.%d port %d: %s, but the model says %s; looks %s / %s",
                         (unsigned long long)seed, scan, h + 1, ports[p], fixture_text(fixture, sql), expected,
                         port->looks[0].log, port->looks[1].log);
            }
        }
    }
}

static void compare_intervals(struct fixture *fixture, const struct model *model)
{
    int64_t intervals = 0;

    for (int h = 0; h < HOSTS; h++) {
        for (int p = 0; p < PORTS; p++) {
            for (int v = 0; v < VANTAGES; v++) {
                intervals += model->ports[h][p].looks[v].intervals;
            }
        }
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state"), intervals);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state WHERE first_seen > last_seen"
                                          " OR ended_at < last_seen"),
                     0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM endpoint_state a JOIN endpoint_state b"
                                          " ON a.endpoint_id = b.endpoint_id AND a.id < b.id"
                                          " WHERE a.ended_at IS NULL OR a.ended_at > b.first_seen"),
                     0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding f WHERE (SELECT became FROM finding_event e"
                                          " WHERE e.finding_id = f.id AND what = 'presence' ORDER BY id DESC LIMIT 1)"
                                          " <> presence"),
                     0);
}

static void one_history(uint64_t seed)
{
    struct random_source source = {seed};
    struct model *model = calloc(1, sizeof(*model));
    void *state;
    struct fixture *fixture;

    assert_non_null(model);
    fixture_setup_in(&state, looks_folder());
    fixture = state;
    decisions_init(&model->decisions, ports);
    for (int h = 0; h < HOSTS; h++) {
        model->up[h] = true;
        model->folds[h] = (struct model_fold){.presence = "-", .sight = "FRESH"};
        for (int p = 0; p < PORTS; p++) {
            model->ports[h][p].presence = "-";
            model->ports[h][p].sight = "FRESH";
            model->ports[h][p].lent = p == PORTS - 1;
            model->ports[h][p].decided = &model->decisions.ports[h][p];
        }
    }
    for (int scan = 0; scan < SCANS; scan++) {
        change_the_world(model, &source);
        one_scan(fixture, model, &source);
        compare(fixture, model, seed, scan);
        people_decide(fixture, model, &source);
        compare(fixture, model, seed, scan);
        compare_fold(fixture, model, seed, scan);
    }
    compare_intervals(fixture, model);
    decisions_compare_logs(fixture);
    keeping_is_sound(fixture);
    for (int scan = 0; scan < SCANS_AFTER; scan++) {
        forgotten += keeping_forget(fixture, &source.state, STEP_MS);
        change_the_world(model, &source);
        one_scan(fixture, model, &source);
        compare(fixture, model, seed, SCANS + scan);
    }
    keeping_is_sound(fixture);
    fixture_teardown(&state);
    free(model);
}

static void histories_are_as_the_model_says(void **state)
{
    uint64_t seed = seed_first();
    uint64_t repeats = seed_repeats(HISTORIES_FEW);

    (void)state;
    for (uint64_t i = 0; i < repeats; i++) {
        seed_at_hand = seed + i;
        one_history(seed + i);
    }
    assert_true(forgotten > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(histories_are_as_the_model_says, seed_say),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
