#include "tests/unit/auditd/fixture.h"

#include "auditd/finding/settle.h"
#include "auditd/policy/policy.h"
#include "auditd/store/asset.h"
#include "auditd/store/finding.h"
#include "auditd/store/scan.h"
#include "auditd/watch.h"

#include <errno.h>

static bool port_allowed[65536];

/* A policy as small as it can be: what `port_allowed` says. */
static void judge_simply(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    struct verdict verdict = {.verdict = port_allowed[exposure->port] ? VERDICT_ALLOWED : VERDICT_FINDING,
                              .severity = exposure->vantage_class == VANTAGE_WORLD ? SEVERITY_CRITICAL : SEVERITY_LOW,
                              .service_weight = 5,
                              .breadth = vantage_class_weight(exposure->vantage_class),
                              .evidence = 1,
                              .need = 0.8};

    (void)policy;
    verdict.penalty = verdict.service_weight * verdict.breadth * verdict.need;
    strcpy(verdict.kind, "exposure");
    strcpy(verdict.service, "test");
    strcpy(verdict.rule_id, "default");
    snprintf(verdict.breadth_class, sizeof(verdict.breadth_class), "%s", vantage_class_name(exposure->vantage_class));
    strcpy(verdict.need_kind, "unknown");
    strcpy(verdict.evidence_kind, "seen");
    strcpy(verdict.title, "t");
    *ret_verdict = verdict;
}

static struct settle_result settle(struct fixture *fixture)
{
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;
    int rc;

    fixture->now_ms += 10;
    options.judge = judge_simply;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, fixture->now_ms, &options.policy_id), 0);
    rc = settle_scan(fixture->store, fixture->scan, &options, &result);
    if (rc < 0) {
        fail_msg("settle_scan: %d %s", rc, store_last_error(fixture->store)->text);
    }
    return result;
}

/* What one scan of 10.0.0.5 saw: NULL leaves the line out. 443 is the other port of the host. */
struct sight_of_host {
    const char *state;
    const char *reason;
    const char *other;  /* state of 443; NULL: no line */
    const char *canary; /* "answered", "silent"; NULL: none */
    bool up;
    bool complete;
};

static const char *const plan_more = ",\"watch\":[{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22}],"
                                     "\"canary\":{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":53}";

static void scan_from(struct fixture *fixture, const char *realm, const char *vantage, const struct sight_of_host *saw)
{
    const struct fixture_plan plan = {realm, vantage, "[\"10.0.0.0/24\"]", "22,443", plan_more, 1, 0};
    static const char *const phases[] = {"start", "end"};

    fixture_start(fixture, &plan);
    for (int i = 0; saw->canary != NULL && i < 2; i++) {
        fixture_line(fixture, "canary",
                     "\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":53,\"phase\":\"%s\",\"state\":\"%s\","
                     "\"reason\":\"x\"",
                     phases[i], saw->canary);
    }
    if (saw->state != NULL) {
        fixture_port(fixture, "10.0.0.5", 22, saw->state, saw->reason);
    }
    if (saw->other != NULL) {
        fixture_port(fixture, "10.0.0.5", 443, saw->other, strcmp(saw->other, "open") == 0 ? "syn-ack" : "no-response");
    }
    if (saw->complete || saw->up) {
        fixture_host(fixture, "10.0.0.5", saw->up);
    }
    if (saw->complete) {
        fixture_slab(fixture, 0, 1);
    }
    fixture_end(fixture, saw->complete);
    settle(fixture);
}

static void scan_place(struct fixture *fixture, const struct sight_of_host *saw)
{
    scan_from(fixture, "site", "here", saw);
}

static const struct sight_of_host saw_open = {"open", "syn-ack", "open", "answered", true, true};
static const struct sight_of_host saw_refused = {"closed", "conn-refused", "open", "answered", true, true};
static const struct sight_of_host saw_dropped = {"filtered", "no-response", "open", "answered", true, true};
static const struct sight_of_host saw_down = {"filtered", "no-response", "filtered", "answered", false, true};
static const struct sight_of_host saw_nothing = {NULL, NULL, NULL, NULL, false, false};

/* "PRESENCE SIGHT" of the finding at port 22. */
static void expect(struct fixture *fixture, const char *expected)
{
    assert_string_equal(fixture_text(fixture, "SELECT presence || ' ' || sight FROM finding WHERE port = 22"),
                        expected);
}

static const char *story(struct fixture *fixture)
{
    return fixture_text(fixture, "SELECT group_concat(became, ' ') FROM (SELECT became FROM finding_event e JOIN"
                                 " finding f ON f.id = e.finding_id WHERE f.port = 22 AND what IN ('presence', 'sight')"
                                 " ORDER BY e.id)");
}

static void scan_with_facts(struct fixture *fixture, const char *facts)
{
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "22,443", "", 1, 0};

    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 443, "open", "syn-ack");
    if (facts != NULL) {
        fixture_line(fixture, "service",
                     "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":443,\"facts\":{%s},\"evidence\":[]", facts);
    }
    fixture_host(fixture, "10.0.0.5", true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(fixture);
}

/* A fault of the service is a finding beside the exposure's, and ends with the fault. */
static void what_answers_has_findings_of_its_own(void **state)
{
    static const char *const all = "SELECT group_concat(kind || '=' || presence, ' ') FROM (SELECT kind, presence FROM"
                                   " finding ORDER BY kind)";
    struct fixture *fixture = *state;

    scan_with_facts(fixture, "\"service\":\"http\",\"tls\":true,\"tls.version\":\"1.0\"");
    assert_string_equal(fixture_text(fixture, all), "exposure=NEW old-tls=NEW");
    /* Nobody asks this time: what is known still holds. */
    scan_with_facts(fixture, NULL);
    assert_string_equal(fixture_text(fixture, all), "exposure=OPEN old-tls=OPEN");
    scan_with_facts(fixture, "\"service\":\"http\",\"tls\":true,\"tls.version\":\"1.2\"");
    assert_string_equal(fixture_text(fixture, all), "exposure=OPEN old-tls=ALLOWED");
    scan_with_facts(fixture, "\"service\":\"http\",\"tls\":true,\"tls.version\":\"1.1\"");
    assert_string_equal(fixture_text(fixture, all), "exposure=OPEN old-tls=OPEN");
    port_allowed[443] = true;
    scan_with_facts(fixture, NULL);
    assert_string_equal(fixture_text(fixture, all), "exposure=ALLOWED old-tls=OPEN");
    port_allowed[443] = false;
}

static void new_becomes_open_at_the_second_probe(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    expect(fixture, "NEW FRESH");
    scan_place(fixture, &saw_open);
    expect(fixture, "OPEN FRESH");
    scan_place(fixture, &saw_open);
    assert_string_equal(story(fixture), "NEW OPEN");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_vantage WHERE until IS NULL"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_event WHERE json_valid(evidence) = 0"), 0);
}

static void a_host_that_is_down_is_stale_not_fixed(void **state)
{
    struct fixture *fixture = *state;
    int64_t first_seen;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    first_seen = fixture_int(fixture, "SELECT first_seen FROM finding WHERE port = 22");
    for (int i = 0; i < 4; i++) {
        scan_place(fixture, &saw_down);
        expect(fixture, "OPEN STALE");
    }
    assert_non_null(strstr(fixture_text(fixture, "SELECT reason FROM finding_event WHERE became = 'STALE'"), "down"));
    scan_place(fixture, &saw_open);
    expect(fixture, "OPEN FRESH");
    assert_string_equal(story(fixture), "NEW OPEN STALE FRESH");
    assert_int_equal(fixture_int(fixture, "SELECT first_seen FROM finding WHERE port = 22"), first_seen);
}

static void a_refused_port_is_fixed_when_confirmed(void **state)
{
    struct fixture *fixture = *state;
    const struct watch_place place = {"site", "here"};
    const struct watch_filter all = {.limit = WATCH_LIMIT_DEFAULT};
    json_t *verify;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_refused);
    expect(fixture, "VERIFYING FRESH");
    assert_int_equal(watch_to_verify(fixture->store, &place, &all, &verify), 0);
    assert_int_equal(json_array_size(verify), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(verify, 0), "port")), 22);
    json_decref(verify);
    scan_place(fixture, &saw_refused);
    expect(fixture, "FIXED FRESH");
    assert_int_equal(watch_to_verify(fixture->store, &place, &all, &verify), 0);
    assert_int_equal(json_array_size(verify), 0);
    json_decref(verify);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE fixed_at > 0"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_vantage v JOIN finding f ON f.id = finding_id"
                                          " WHERE port = 22 AND until IS NULL"),
                     0);
    scan_place(fixture, &saw_open);
    expect(fixture, "REAPPEARED FRESH");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE fixed_at > 0"), 0);
    scan_place(fixture, &saw_open);
    expect(fixture, "REAPPEARED FRESH");
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_refused);
    assert_string_equal(story(fixture), "NEW OPEN VERIFYING FIXED REAPPEARED VERIFYING FIXED");
}

static void a_single_refusal_is_taken_back(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_open);
    expect(fixture, "OPEN FRESH");
    scan_place(fixture, &saw_refused);
    expect(fixture, "VERIFYING FRESH");
    assert_string_equal(story(fixture), "NEW VERIFYING OPEN VERIFYING");
}

static void two_answers_in_one_scan_are_enough(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.5\"]", "22", "", 1, 0};

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    fixture_start(fixture, &plan);
    fixture_line(fixture, "port",
                 "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,\"state\":\"closed\",\"reason\":\"reset\","
                 "\"tries\":2,\"answers\":2");
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(fixture);
    assert_string_equal(story(fixture), "NEW OPEN VERIFYING FIXED");
}

static void a_dropped_port_is_fixed_after_two_complete_scans(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_dropped);
    expect(fixture, "VERIFYING FRESH");
    scan_place(fixture, &saw_dropped);
    expect(fixture, "FIXED FRESH");
    assert_non_null(
        strstr(fixture_text(fixture, "SELECT reason FROM finding_event WHERE became = 'FIXED'"), "in a row: 2"));
    scan_place(fixture, &saw_open);
    expect(fixture, "REAPPEARED FRESH");
}

static void silence_that_proves_nothing_is_stale(void **state)
{
    struct fixture *fixture = *state;
    struct sight_of_host saw;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    for (int i = 0; i < 3; i++) {
        saw = saw_dropped;
        saw.canary = i == 0 ? "silent" : i == 1 ? NULL : "answered";
        saw.complete = i < 2;
        scan_place(fixture, &saw);
        expect(fixture, "OPEN STALE");
        assert_int_equal(fixture_int(fixture, "SELECT max(silent_scans) FROM endpoint"), 0);
    }
    /* Between two silent scans that count, one that does not changes nothing. */
    scan_place(fixture, &saw_dropped);
    expect(fixture, "VERIFYING FRESH");
    scan_place(fixture, &saw_down);
    expect(fixture, "VERIFYING STALE");
    scan_place(fixture, &saw_dropped);
    expect(fixture, "FIXED FRESH");
}

/* The dropped port is the canary: another port that is known to answer vouches for the vantage, and only for that port.
 */
static void a_dropped_canary_is_vouched_for(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan plan = {"site",
                                "here",
                                "[\"10.0.0.0/24\"]",
                                "22,443",
                                ",\"canary\":{\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22}",
                                1,
                                0};

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    for (int i = 0; i < 3; i++) {
        fixture_start(fixture, &plan);
        fixture_line(fixture, "canary",
                     "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":22,\"phase\":\"start\",\"state\":\"silent\","
                     "\"reason\":\"no-response\"");
        fixture_port(fixture, "10.0.0.5", 22, "filtered", "no-response");
        /* The first time nothing that is known to answer does. */
        fixture_port(fixture, "10.0.0.5", 443, i == 0 ? "filtered" : "open", i == 0 ? "no-response" : "syn-ack");
        fixture_host(fixture, "10.0.0.5", true);
        fixture_slab(fixture, 0, 1);
        fixture_end(fixture, true);
        settle(fixture);
        expect(fixture, i == 0 ? "OPEN STALE" : i == 1 ? "OPEN STALE" : "VERIFYING FRESH");
    }
    assert_int_equal(fixture_int(fixture, "SELECT max(silent_scans) FROM endpoint WHERE port = 443"), 0);
}

static void an_answer_between_breaks_the_row(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_dropped);
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_dropped);
    expect(fixture, "VERIFYING FRESH");
}

static void a_rejection_counts_like_silence(void **state)
{
    struct fixture *fixture = *state;
    struct sight_of_host saw = saw_dropped;

    saw.reason = "admin-prohibited";
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw);
    expect(fixture, "VERIFYING FRESH");
    scan_place(fixture, &saw);
    expect(fixture, "FIXED FRESH");
}

static void open_or_filtered_decides_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sight_of_host saw = saw_dropped;

    saw.state = "open|filtered";
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    for (int i = 0; i < 3; i++) {
        scan_place(fixture, &saw);
        expect(fixture, "OPEN FRESH");
    }
}

static void a_scan_cut_short_is_stale(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_nothing);
    expect(fixture, "OPEN STALE");
    assert_non_null(
        strstr(fixture_text(fixture, "SELECT reason FROM finding_event WHERE became = 'STALE'"), "ended early"));
}

static void what_no_plan_covers_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.9\"]", "22", "", 1, 0};

    scan_place(fixture, &saw_open);
    fixture_start(fixture, &plan);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(fixture);
    expect(fixture, "NEW FRESH");
}

static void every_vantage_must_see_it_closed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(store_vantage_declare(fixture->store, "out", "world", fixture->now_ms), 0);
    scan_place(fixture, &saw_open);
    scan_from(fixture, "site", "out", &saw_open);
    assert_string_equal(fixture_text(fixture, "SELECT presence || breadth_class || severity FROM finding"
                                              " WHERE port = 22"),
                        "OPENworldcritical");
    scan_from(fixture, "site", "out", &saw_refused);
    scan_from(fixture, "site", "out", &saw_refused);
    /* Closed to the world, open from here: still open, and narrower. */
    assert_string_equal(fixture_text(fixture, "SELECT presence || breadth_class || severity FROM finding"
                                              " WHERE port = 22"),
                        "OPENown-vpclow");
    assert_string_equal(fixture_text(fixture, "SELECT was || '>' || became FROM finding_event WHERE what = 'breadth'"
                                              " ORDER BY id DESC LIMIT 1"),
                        "world>own-vpc");
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_refused);
    expect(fixture, "FIXED FRESH");
}

static void another_tenant_inherits_nothing(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver"), 0);
    assert_int_equal(sqlite3_exec(store_database(fixture->store),
                                  "UPDATE finding SET disposition = 'WAIVED';"
                                  "INSERT INTO waiver (finding_id, owner, reason, until, accepted_breadth,"
                                  " accepted_service, created_at) SELECT id, 'o', 'r', 9, 1, 's', 1 FROM finding",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(
        store_asset_replace(
            fixture->store, "site", "10.0.0.5",
            &(struct store_event){.reason = "another tenant", .actor = "cli:test", .at_ms = fixture->now_ms}),
        0);
    scan_place(fixture, &saw_open);
    assert_string_equal(fixture_text(fixture,
                                     "SELECT group_concat(x) FROM (SELECT presence || sight || disposition AS x"
                                     " FROM finding WHERE port = 22 ORDER BY id)"),
                        "OPENRETIREDNONE,NEWFRESHNONE");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver WHERE ended_at IS NULL"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(DISTINCT fingerprint) FROM finding WHERE port = 22"), 2);
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_refused);
    assert_string_equal(fixture_text(fixture, "SELECT presence || sight FROM finding WHERE port = 22 ORDER BY id"),
                        "OPENRETIRED");
}

static void two_realms_have_two_findings(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_from(fixture, "elsewhere", "here", &saw_open);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE port = 22 AND presence = 'NEW'"), 2);
    scan_from(fixture, "elsewhere", "here", &saw_refused);
    scan_from(fixture, "elsewhere", "here", &saw_refused);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(x) FROM (SELECT presence AS x FROM finding"
                                              " WHERE port = 22 ORDER BY id)"),
                        "NEW,FIXED");
}

/* One scan of 10.0.0.5's ephemeral ports: of 40000, 40001, … 'o' open, 'r' refused, '-' no line of its own. */
static void scan_ephemeral(struct fixture *fixture, const char *ports, bool up, bool complete)
{
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "443,32768-60999", "", 1, 0};

    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 443, up ? "open" : "filtered", up ? "syn-ack" : "no-response");
    for (int i = 0; ports[i] != '\0'; i++) {
        if (ports[i] != '-') {
            fixture_port(fixture, "10.0.0.5", 40000 + i, ports[i] == 'o' ? "open" : "closed",
                         ports[i] == 'o' ? "syn-ack" : "conn-refused");
        }
    }
    fixture_host(fixture, "10.0.0.5", up);
    if (complete) {
        fixture_slab(fixture, 0, 1);
    }
    fixture_end(fixture, complete);
    settle(fixture);
}

static const char *presences(struct fixture *fixture)
{
    return fixture_text(fixture, "SELECT group_concat(port || ' ' || presence || ' ' || sight, ', ') FROM"
                                 " (SELECT * FROM finding WHERE port <> 443 ORDER BY port)");
}

static void what_came_and_went_is_one_finding(void **state)
{
    struct fixture *fixture = *state;

    scan_ephemeral(fixture, "oo", true, true);
    assert_string_equal(presences(fixture), "40000 NEW FRESH, 40001 NEW FRESH");
    scan_ephemeral(fixture, "rr", true, true);
    assert_string_equal(presences(fixture), "40000 VERIFYING FRESH, 40001 VERIFYING FRESH");
    scan_ephemeral(fixture, "rr", true, true);
    assert_string_equal(presences(fixture), "0 NEW FRESH, 40000 FOLDED FRESH, 40001 FOLDED FRESH");
    assert_string_equal(fixture_text(fixture, "SELECT kind FROM finding WHERE port = 0"), "ephemeral-listeners");
    assert_non_null(strstr(fixture_text(fixture, "SELECT why FROM finding WHERE port = 0"), ": 40000, 40001."));
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(value ->> 'port', ' ') FROM finding_event e,"
                                              " finding f, json_each(e.evidence, '$.listeners')"
                                              " WHERE f.id = finding_id AND f.port = 0"),
                        "40000 40001");
    assert_int_equal(fixture_int(fixture,
                                 "SELECT min(value ->> 'seen') = (SELECT last_seen FROM finding WHERE port = 40000)"
                                 " AND max(value ->> 'gone') > max(value ->> 'seen') FROM finding_event e,"
                                 " finding f, json_each(e.evidence, '$.listeners')"
                                 " WHERE f.id = finding_id AND f.port = 0"),
                     1);
    assert_int_equal(fixture_int(fixture, "SELECT min(at) > (SELECT max(started_at) FROM scan) FROM finding_event e"
                                          " JOIN finding f ON f.id = e.finding_id WHERE f.port = 0"),
                     1);
    /* One more is the same finding, confirmed. */
    scan_ephemeral(fixture, "--o", true, true);
    scan_ephemeral(fixture, "--r", true, true);
    scan_ephemeral(fixture, "--r", true, true);
    assert_string_equal(presences(fixture), "0 OPEN FRESH, 40000 FOLDED FRESH, 40001 FOLDED FRESH, 40002 FOLDED FRESH");
    assert_string_equal(fixture_text(fixture, "SELECT title FROM finding WHERE port = 0"),
                        "3 listeners came and went on ephemeral ports: no rule allows them");
}

/* One scan of 10.0.0.5 with `open` ports from 1 on; `facts` of port 1 and of port 2, NULL: it was not asked. */
static void scan_every(struct fixture *fixture, int open, const char *first, const char *second)
{
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "1-50", ",\"services\":{\"doors\":true}",
                                      1,      0};
    const char *const facts[] = {first, second};

    fixture_start(fixture, &plan);
    for (int port = 1; port <= 50; port++) {
        fixture_port(fixture, "10.0.0.5", port, port <= open ? "open" : "closed",
                     port <= open ? "syn-ack" : "conn-refused");
        if (port <= 2 && port <= open && facts[port - 1] != NULL) {
            fixture_line(fixture, "service",
                         "\"host\":\"10.0.0.5\",\"proto\":\"tcp\",\"port\":%d,\"facts\":{%s},\"evidence\":[]", port,
                         facts[port - 1]);
        }
    }
    fixture_host(fixture, "10.0.0.5", true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(fixture);
}

static const char *every_finding(struct fixture *fixture)
{
    return fixture_text(fixture, "SELECT group_concat(port || ' ' || kind || ' ' || presence, ', ') FROM"
                                 " (SELECT * FROM finding WHERE presence <> 'ALLOWED' ORDER BY port)");
}

/* A middlebox: what answers has a finding of its own, all else one of the host. */
static void a_host_of_which_every_port_accepts_is_one_finding(void **state)
{
    struct fixture *fixture = *state;
    const char *every = "\"behaviour\":\"every-port\"";

    scan_every(fixture, 50, every, "\"service\":\"ssh\"");
    assert_string_equal(every_finding(fixture), "0 every-port NEW, 2 exposure NEW");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding"), 2);
    assert_string_equal(fixture_text(fixture, "SELECT severity || ' ' || penalty FROM finding WHERE port = 0"),
                        "low 0.6");
    assert_int_equal(fixture_int(fixture, "SELECT json_extract(e.evidence, '$.open_ports_without_service') FROM"
                                          " finding_event e JOIN finding f ON f.id = e.finding_id WHERE f.port = 0"),
                     49);
    scan_every(fixture, 50, every, "\"service\":\"ssh\"");
    assert_string_equal(every_finding(fixture), "0 every-port OPEN, 2 exposure OPEN");
    /* The middlebox is gone; two complete scans show it. */
    scan_every(fixture, 2, "\"service\":\"http\"", "\"service\":\"ssh\"");
    assert_string_equal(every_finding(fixture), "0 every-port VERIFYING, 1 exposure NEW, 2 exposure OPEN");
    scan_every(fixture, 2, "\"service\":\"http\"", "\"service\":\"ssh\"");
    assert_string_equal(every_finding(fixture), "0 every-port FIXED, 1 exposure OPEN, 2 exposure OPEN");
    scan_every(fixture, 50, every, "\"service\":\"ssh\"");
    assert_string_equal(every_finding(fixture), "0 every-port REAPPEARED, 2 exposure OPEN");
}

/* Findings from before it was known are stood for, too, and are there again when it is over. */
static void what_was_found_before_is_stood_for(void **state)
{
    struct fixture *fixture = *state;

    scan_every(fixture, 3, NULL, NULL);
    assert_string_equal(every_finding(fixture), "1 exposure NEW, 2 exposure NEW, 3 exposure NEW");
    scan_every(fixture, 50, "\"behaviour\":\"every-port\"", NULL);
    assert_string_equal(every_finding(fixture), "0 every-port NEW");
    assert_string_equal(fixture_text(fixture, "SELECT reason FROM finding_event WHERE became = 'ALLOWED'"),
                        "every port of the host accepts: one finding of the host stands for them");
    scan_every(fixture, 3, "\"service\":\"http\"", NULL);
    assert_string_equal(every_finding(fixture),
                        "0 every-port VERIFYING, 1 exposure OPEN, 2 exposure OPEN, 3 exposure OPEN");
}

static void the_folded_close_after_two_scans(void **state)
{
    struct fixture *fixture = *state;

    scan_ephemeral(fixture, "o", true, true);
    scan_ephemeral(fixture, "r", true, true);
    scan_ephemeral(fixture, "r", true, true);
    scan_place(fixture, &saw_open); /* has none of these ports in its plan */
    assert_string_equal(presences(fixture), "0 NEW FRESH, 22 NEW FRESH, 40000 FOLDED FRESH");
    scan_ephemeral(fixture, "", true, true);
    scan_ephemeral(fixture, "", false, true);
    assert_string_equal(fixture_text(fixture, "SELECT presence || sight FROM finding WHERE port = 0"),
                        "VERIFYINGSTALE");
    scan_ephemeral(fixture, "", true, false);
    assert_string_equal(fixture_text(fixture, "SELECT presence || sight FROM finding WHERE port = 0"),
                        "VERIFYINGSTALE");
    scan_ephemeral(fixture, "", true, true);
    assert_string_equal(fixture_text(fixture, "SELECT presence || sight FROM finding WHERE port = 0"), "FIXEDFRESH");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_vantage v JOIN finding f ON f.id = finding_id"
                                          " WHERE port = 0 AND until IS NULL"),
                     0);
    /* The same port again: its finding begins anew, and then the other's does. */
    scan_ephemeral(fixture, "o", true, true);
    assert_string_equal(presences(fixture), "0 FIXED FRESH, 22 NEW FRESH, 40000 NEW FRESH");
    scan_ephemeral(fixture, "r", true, true);
    scan_ephemeral(fixture, "r", true, true);
    assert_string_equal(presences(fixture), "0 REAPPEARED FRESH, 22 NEW FRESH, 40000 FOLDED FRESH");
}

static void what_stays_is_not_folded(void **state)
{
    struct fixture *fixture = *state;

    scan_ephemeral(fixture, "oo", true, true);
    scan_ephemeral(fixture, "or", true, true);
    scan_ephemeral(fixture, "rr", true, true);
    scan_ephemeral(fixture, "rr", true, true);
    assert_string_equal(presences(fixture), "0 VERIFYING FRESH, 40000 FIXED FRESH, 40001 FOLDED FRESH");
    scan_ephemeral(fixture, "-o", true, true);
    scan_ephemeral(fixture, "-o", true, true);
    assert_string_equal(presences(fixture), "0 FIXED FRESH, 40000 FIXED FRESH, 40001 OPEN FRESH");
    scan_ephemeral(fixture, "-r", true, true);
    scan_ephemeral(fixture, "-r", true, true);
    assert_string_equal(fixture_text(fixture, "SELECT presence FROM finding WHERE port = 40001"), "FIXED");
    /* Below the range, and what somebody took care of. */
    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_refused);
    expect(fixture, "FIXED FRESH");
    scan_ephemeral(fixture, "--o", true, true);
    fixture_int(fixture, "UPDATE finding SET disposition = 'ACKNOWLEDGED' WHERE port = 40002 RETURNING 1");
    scan_ephemeral(fixture, "--r", true, true);
    scan_ephemeral(fixture, "--r", true, true);
    assert_string_equal(fixture_text(fixture, "SELECT presence FROM finding WHERE port = 40002"), "FIXED");
}

static void the_policy_allows_and_takes_back(void **state)
{
    struct fixture *fixture = *state;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_open);
    port_allowed[22] = true;
    scan_place(fixture, &saw_open);
    expect(fixture, "ALLOWED FRESH");
    port_allowed[22] = false;
    scan_place(fixture, &saw_open);
    expect(fixture, "OPEN FRESH");
    scan_place(fixture, &saw_refused);
    scan_place(fixture, &saw_refused);
    port_allowed[22] = true;
    scan_place(fixture, &saw_open);
    port_allowed[22] = false;
    assert_string_equal(story(fixture), "NEW OPEN ALLOWED OPEN VERIFYING FIXED ALLOWED");
}

static void what_is_allowed_from_the_start_is_no_finding(void **state)
{
    struct fixture *fixture = *state;

    port_allowed[22] = true;
    scan_place(fixture, &saw_open);
    port_allowed[22] = false;
    expect(fixture, "-");
}

static void judging_again_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct settle_result result;

    scan_place(fixture, &saw_open);
    scan_place(fixture, &saw_refused);
    expect(fixture, "VERIFYING FRESH");
    result = settle(fixture);
    assert_int_equal(result.moved + result.created + result.judged, 0);
    /* A crash after the scan was judged and before it went on: its looks are not counted twice. */
    assert_int_equal(sqlite3_exec(store_database(fixture->store), "UPDATE scan SET judged_at = NULL", NULL, NULL, NULL),
                     SQLITE_OK);
    settle(fixture);
    expect(fixture, "VERIFYING FRESH");
}

/* A scan that was interrupted goes on after another one has looked: what that one saw since is no blind spot. */
static void a_resumed_scan_is_not_blind_to_what_came_since(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "22,443", plan_more, 2, 0};
    char interrupted[STORE_UUID_SIZE];

    scan_place(fixture, &saw_open);
    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    fixture_slab(fixture, 0, 2);
    fixture_end(fixture, false);
    settle(fixture);
    expect(fixture, "OPEN FRESH");
    snprintf(interrupted, sizeof(interrupted), "%s", fixture->scan);
    scan_place(fixture, &saw_open);
    snprintf(fixture->scan, sizeof(fixture->scan), "%s", interrupted);
    plan.from_slab = 1;
    assert_int_equal(fixture_start_again(fixture, &plan), 0);
    fixture_slab(fixture, 1, 2);
    fixture_end(fixture, true);
    settle(fixture);
    expect(fixture, "OPEN FRESH");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_event WHERE became = 'STALE' AND finding_id ="
                                          " (SELECT id FROM finding WHERE port = 22)"),
                     0);
}

static void a_crash_before_judging_is_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.5\"]", "22", "", 1, 0};
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    uint64_t count;

    options.judge = judge_simply;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    fixture_start(fixture, &plan);
    assert_int_equal(settle_pending(fixture->store, &options, &count), 0);
    assert_int_equal(count, 0);
    fixture_port(fixture, "10.0.0.5", 22, "open", "syn-ack");
    assert_int_equal(ingest_finish(fixture->ingest, "crash"), 0);
    assert_int_equal(settle_pending(fixture->store, &options, &count), 0);
    assert_int_equal(count, 1);
    expect(fixture, "NEW FRESH");
    /* One that a later scan has overtaken is left. */
    fixture_start(fixture, &plan);
    assert_int_equal(ingest_finish(fixture->ingest, "crash"), 0);
    scan_place(fixture, &saw_open);
    assert_int_equal(settle_pending(fixture->store, &options, &count), 0);
    assert_int_equal(count, 0);
    expect(fixture, "OPEN FRESH");
}

static void a_running_scan_is_not_judged(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.5\"]", "22", "", 1, 0};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    assert_int_equal(settle_scan(fixture->store, "no such scan", &options, &result), -ENOENT);
    fixture_start(fixture, &plan);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), -EBUSY);
    assert_false(store_in_transaction(fixture->store));
}

static void the_watch_list_and_the_canary(void **state)
{
    struct fixture *fixture = *state;
    const struct watch_place place = {"site", "here"};
    const struct watch_filter all = {.limit = WATCH_LIMIT_DEFAULT};
    const struct watch_filter one = {.limit = 1};
    struct addr canary_host;
    json_t *canary;
    json_t *watch;
    size_t left_out;

    assert_int_equal(watch_canary(fixture->store, &place, &canary), -ENOENT);
    scan_place(fixture, &saw_open);
    assert_int_equal(watch_list(fixture->store, &place, &all, &watch, &left_out), 0);
    assert_int_equal(json_array_size(watch), 2);
    json_decref(watch);
    assert_int_equal(watch_list(fixture->store, &place, &one, &watch, &left_out), 0);
    assert_int_equal(json_array_size(watch), 1);
    assert_int_equal(left_out, 1);
    json_decref(watch);
    assert_int_equal(watch_canary(fixture->store, &place, &canary), 0);
    assert_int_equal(json_integer_value(json_object_get(canary, "port")), 22);
    json_decref(canary);
    /* Verified closed: no longer watched. One refusal is. */
    scan_place(fixture, &saw_refused);
    assert_int_equal(watch_list(fixture->store, &place, &all, &watch, &left_out), 0);
    assert_int_equal(json_array_size(watch), 2);
    json_decref(watch);
    scan_place(fixture, &saw_refused);
    assert_int_equal(watch_list(fixture->store, &place, &all, &watch, &left_out), 0);
    assert_int_equal(json_array_size(watch), 1);
    json_decref(watch);
    assert_int_equal(addr_parse("10.0.0.77", &canary_host), 0);
    assert_int_equal(watch_canary_set(fixture->store, &place, &canary_host, false, 7), 0);
    assert_int_equal(watch_canary(fixture->store, &place, &canary), 0);
    assert_string_equal(json_string_value(json_object_get(canary, "host")), "10.0.0.77");
    json_decref(canary);
}

/* No room to judge: nothing of it stays, and it is done when there is room. */
static void a_full_disk_leaves_the_scan_unjudged(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.5\"]", "1-500", "", 1, 0};
    struct settle_options options = settle_options_default();
    struct settle_result result;
    const struct store_policy policy = {"h", "test", "", 1};
    int64_t pages;

    fixture_start(fixture, &plan);
    for (int port = 1; port <= 500; port++) {
        fixture_port(fixture, "10.0.0.5", port, "open", "syn-ack");
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    options.judge = judge_simply;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    pages = fixture_int(fixture, "PRAGMA page_count");
    ingest_destroy(fixture->ingest);
    fixture->ingest = NULL;
    for (int room = 0; room < 2; room++) {
        struct store_options store_options = store_options_default();
        struct store_error error;
        store_close(fixture->store);
        store_options.max_pages = room == 0 ? pages + 8 : 0;
        assert_int_equal(store_open(fixture->path, &store_options, &fixture->store, &error), 0);
        assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), room == 0 ? -ENOSPC : 0);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding"), room == 0 ? 0 : 500);
        assert_int_equal(fixture_int(fixture, "SELECT judged_at > 0 FROM scan"), room);
    }
}

/* The real judge, with the built-in baseline. */
static void the_baseline_judges(void **state)
{
    struct fixture *fixture = *state;
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.5\"]", "23,6379", "", 1, 0};
    struct settle_options options = settle_options_default();
    struct policy *policy = policy_create_builtin();
    struct settle_result result;

    assert_non_null(policy);
    fixture_start(fixture, &plan);
    fixture_port(fixture, "10.0.0.5", 23, "open", "syn-ack");
    fixture_port(fixture, "10.0.0.5", 6379, "open", "syn-ack");
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    options.policy = policy;
    const struct store_policy stored = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    assert_int_equal(store_policy_put(fixture->store, &stored, 1, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    assert_int_equal(result.created, 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE penalty > 0 AND title <> ''"), 2);
    policy_destroy(policy);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(what_answers_has_findings_of_its_own),
        WITH_STORE(new_becomes_open_at_the_second_probe),
        WITH_STORE(a_host_that_is_down_is_stale_not_fixed),
        WITH_STORE(a_refused_port_is_fixed_when_confirmed),
        WITH_STORE(a_single_refusal_is_taken_back),
        WITH_STORE(two_answers_in_one_scan_are_enough),
        WITH_STORE(a_dropped_port_is_fixed_after_two_complete_scans),
        WITH_STORE(silence_that_proves_nothing_is_stale),
        WITH_STORE(a_dropped_canary_is_vouched_for),
        WITH_STORE(an_answer_between_breaks_the_row),
        WITH_STORE(a_rejection_counts_like_silence),
        WITH_STORE(open_or_filtered_decides_nothing),
        WITH_STORE(a_scan_cut_short_is_stale),
        WITH_STORE(what_no_plan_covers_is_left_alone),
        WITH_STORE(every_vantage_must_see_it_closed),
        WITH_STORE(another_tenant_inherits_nothing),
        WITH_STORE(two_realms_have_two_findings),
        WITH_STORE(what_came_and_went_is_one_finding),
        WITH_STORE(a_host_of_which_every_port_accepts_is_one_finding),
        WITH_STORE(what_was_found_before_is_stood_for),
        WITH_STORE(the_folded_close_after_two_scans),
        WITH_STORE(what_stays_is_not_folded),
        WITH_STORE(the_policy_allows_and_takes_back),
        WITH_STORE(what_is_allowed_from_the_start_is_no_finding),
        WITH_STORE(judging_again_changes_nothing),
        WITH_STORE(a_resumed_scan_is_not_blind_to_what_came_since),
        WITH_STORE(a_crash_before_judging_is_made_up_for),
        WITH_STORE(a_running_scan_is_not_judged),
        WITH_STORE(the_watch_list_and_the_canary),
        WITH_STORE(a_full_disk_leaves_the_scan_unjudged),
        WITH_STORE(the_baseline_judges),
    };
    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
