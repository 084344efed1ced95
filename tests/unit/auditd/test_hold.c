#include "tests/unit/auditd/fixture.h"

#include "auditd/alert/vigil.h"
#include "auditd/finding/hold.h"
#include "auditd/policy/policy.h"
#include "auditd/store/condition.h"
#include "auditd/store/scan.h"

static void judge_simply(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    (void)policy;
    (void)exposure;
    *ret_verdict = (struct verdict){.verdict = VERDICT_FINDING,
                                    .severity = SEVERITY_LOW,
                                    .service_weight = 5,
                                    .breadth = 0.15,
                                    .evidence = 1,
                                    .need = 1,
                                    .penalty = 1,
                                    .kind = "exposure",
                                    .service = "test",
                                    .breadth_class = "own-vpc",
                                    .title = "t"};
}

static void settle(struct fixture *fixture)
{
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    options.judge = judge_simply;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
}

/* Of ten hosts, `closed` have port 22 refused, the others open. */
struct sweep {
    int closed;
    bool is_second_look;
    bool is_cut_short;
    const char *targets; /* NULL: all */
    int host;            /* of targets, 0: the first */
};

static void sweep(struct fixture *fixture, struct sweep sweep)
{
    const struct fixture_plan plan = {
        "site", "here", sweep.targets == NULL ? "[\"10.0.0.0/24\"]" : sweep.targets, "22", "", 1, 0};
    char sql[128];
    char host[32];

    fixture_start(fixture, &plan);
    snprintf(sql, sizeof(sql), "UPDATE scan SET request = 'key' WHERE uuid = '%s'", fixture->scan);
    if (!sweep.is_second_look) {
        assert_int_equal(sqlite3_exec(store_database(fixture->store), sql, NULL, NULL, NULL), SQLITE_OK);
    }
    for (int i = 1; i <= (sweep.targets == NULL ? 10 : 1); i++) {
        snprintf(host, sizeof(host), "10.0.0.%d", sweep.host > 0 ? sweep.host : i);
        fixture_port(fixture, host, 22, i <= sweep.closed ? "closed" : "open",
                     i <= sweep.closed ? "conn-refused" : "syn-ack");
        fixture_host(fixture, host, true);
    }
    if (!sweep.is_cut_short) {
        fixture_slab(fixture, 0, 1);
    }
    fixture_end(fixture, !sweep.is_cut_short);
    settle(fixture);
}

static int64_t count(struct fixture *fixture, const char *presence)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM finding WHERE presence = '%s'", presence);
    return fixture_int(fixture, sql);
}

static bool is_held(struct fixture *fixture)
{
    bool held;

    assert_int_equal(store_condition_holds(fixture->store, STORE_CONDITION_FEWER, "site/here", &held), 0);
    return held;
}

static void begin(struct fixture *fixture, int closed)
{
    sweep(fixture, (struct sweep){0});
    sweep(fixture, (struct sweep){0});
    assert_int_equal(count(fixture, "OPEN"), 10);
    sweep(fixture, (struct sweep){.closed = closed});
    sweep(fixture, (struct sweep){.closed = closed, .is_second_look = true});
}

static void a_few_are_fixed(void **state)
{
    begin(*state, 2);
    assert_false(is_held(*state));
    assert_int_equal(count(*state, "FIXED"), 2);
}

static void many_at_once_are_not(void **state)
{
    begin(*state, 3);
    assert_true(is_held(*state));
    assert_int_equal(count(*state, "FIXED"), 0);
    assert_int_equal(count(*state, "VERIFYING"), 3);
    assert_string_equal(fixture_text(*state, "SELECT text FROM alert_condition"),
                        "site/here: 3 of 10 open endpoints are gone at once. Nothing of the realm turns FIXED until a "
                        "later scan confirms it, or until `leastport alert lift site/here`");
    /* Neither a scan that is cut short nor one of something else confirms it. */
    sweep(*state, (struct sweep){.closed = 3, .is_cut_short = true});
    sweep(*state, (struct sweep){.closed = 1, .targets = "[\"10.0.0.1\"]"});
    assert_true(is_held(*state));
    assert_int_equal(count(*state, "FIXED"), 0);
    sweep(*state, (struct sweep){.closed = 3});
    assert_false(is_held(*state));
    assert_int_equal(count(*state, "FIXED"), 3);
    assert_string_equal(fixture_text(*state, "SELECT group_concat(ended_by || '.') FROM alert_condition"), ".");
}

static void what_is_open_again_was_an_outage(void **state)
{
    begin(*state, 8);
    assert_int_equal(count(*state, "VERIFYING"), 8);
    sweep(*state, (struct sweep){0});
    assert_false(is_held(*state));
    assert_int_equal(count(*state, "OPEN"), 10);
    assert_int_equal(count(*state, "FIXED"), 0);
}

static void a_second_look_confirms_nothing(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 5);
    assert_true(is_held(fixture));
    assert_true(hold_is_loss(10, 3) && !hold_is_loss(10, 2) && !hold_is_loss(HOLD_LEAST_OPEN - 1, 9));
    sweep(fixture, (struct sweep){.closed = 5, .is_second_look = true});
    assert_true(is_held(fixture));
}

static void a_person_lifts_it(void **state)
{
    struct fixture *fixture = *state;
    bool held;

    begin(fixture, 6);
    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(store_condition_end(
                         fixture->store,
                         &(struct store_condition_ending){STORE_CONDITION_FEWER, "site/here", "ada", fixture->now_ms},
                         &held),
                     0);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_true(held);
    sweep(fixture, (struct sweep){.closed = 6, .is_second_look = true});
    assert_int_equal(count(fixture, "FIXED"), 6);
    assert_string_equal(fixture_text(fixture, "SELECT ended_by FROM alert_condition"), "ada");
    sweep(fixture, (struct sweep){.closed = 6});
    assert_false(is_held(fixture));
}

/* ---- what is amiss otherwise ---- */

static const char *amiss(struct fixture *fixture, int64_t now_ms)
{
    assert_int_equal(vigil_look(fixture->store, INT64_C(7) * 24 * 3600 * 1000, now_ms), 0);
    return fixture_text(fixture, "SELECT group_concat(t, ';') FROM (SELECT kind || ' ' || subject AS t"
                                 " FROM alert_condition WHERE ended_at IS NULL ORDER BY 1)");
}

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static void a_realm_that_nobody_scans_is_told(void **state)
{
    struct fixture *fixture = *state;

    sweep(fixture, (struct sweep){0});
    assert_string_equal(amiss(fixture, fixture->now_ms + 7 * day_ms - 1000), "");
    assert_string_equal(amiss(fixture, fixture->now_ms + 7 * day_ms + 1000), "stale-realm site");
    /* A scan that is cut short is none. */
    fixture->now_ms += 8 * day_ms;
    sweep(fixture, (struct sweep){.is_cut_short = true});
    assert_string_equal(amiss(fixture, fixture->now_ms), "stale-realm site");
    sweep(fixture, (struct sweep){0});
    assert_string_equal(amiss(fixture, fixture->now_ms), "");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert_condition"), 1);
}

/* Eight of ten hosts are needed; who is retired is not waited for. */
static void a_scan_of_a_part_is_none_of_the_realm(void **state)
{
    struct fixture *fixture = *state;
    char target[32];

    sweep(fixture, (struct sweep){0});
    fixture->now_ms += 8 * day_ms;
    for (int i = 1; i <= 8; i++) {
        assert_string_equal(amiss(fixture, fixture->now_ms), "stale-realm site");
        snprintf(target, sizeof(target), "[\"10.0.0.%d\"]", i);
        sweep(fixture, (struct sweep){.targets = target, .host = i});
    }
    assert_string_equal(amiss(fixture, fixture->now_ms), "");
    assert_string_equal(fixture_text(fixture, "SELECT substr(text, instr(text, ': ') + 2) FROM alert_condition"),
                        "0 of its 10 hosts were looked at since then, and what is known of it is out of date");
    fixture->now_ms += 8 * day_ms;
    sweep(fixture, (struct sweep){.targets = "[\"10.0.0.1\"]"});
    assert_string_equal(amiss(fixture, fixture->now_ms), "stale-realm site");
    sqlite3_exec(store_database(fixture->store), "UPDATE asset SET retired_at = 1 WHERE id > 1", NULL, NULL, NULL);
    assert_string_equal(amiss(fixture, fixture->now_ms), "");
}

/* The clock was years ahead for a scan, which must not vouch for all the years until then. */
static void a_scan_of_the_future_is_none(void **state)
{
    struct fixture *fixture = *state;
    int64_t then_ms = fixture->now_ms;

    sweep(fixture, (struct sweep){0});
    fixture->now_ms = then_ms + 2000 * day_ms;
    sweep(fixture, (struct sweep){0});
    fixture->now_ms = then_ms + 8 * day_ms;
    assert_string_equal(amiss(fixture, fixture->now_ms), "stale-realm site");
    sweep(fixture, (struct sweep){0});
    assert_string_equal(amiss(fixture, fixture->now_ms), "");
    assert_string_equal(amiss(fixture, fixture->now_ms + 8 * day_ms), "stale-realm site");
}

static void a_silent_canary_is_told(void **state)
{
    struct fixture *fixture = *state;

    sweep(fixture, (struct sweep){0});
    sqlite3_exec(store_database(fixture->store), "UPDATE scan SET canary = 'silent'", NULL, NULL, NULL);
    assert_string_equal(amiss(fixture, fixture->now_ms), "silent-canary site/here");
    /* No canary in it: it says nothing. */
    sweep(fixture, (struct sweep){0});
    assert_string_equal(amiss(fixture, fixture->now_ms), "silent-canary site/here");
    sqlite3_exec(store_database(fixture->store), "UPDATE scan SET canary = 'answered' WHERE canary = 'none'", NULL,
                 NULL, NULL);
    assert_string_equal(amiss(fixture, fixture->now_ms), "");
}

static void waivers_that_end_soon_are_told(void **state)
{
    struct fixture *fixture = *state;
    int64_t end_ms = 1702000000000;
    char sql[512];

    sweep(fixture, (struct sweep){0});
    sweep(fixture, (struct sweep){0});
    /* Two of one owner on one day, one short one, one of what is fixed. */
    snprintf(sql, sizeof(sql),
             "INSERT INTO waiver (finding_id, owner, reason, until, accepted_breadth, accepted_service, created_at)"
             " SELECT id, CASE WHEN id < 5 THEN 'ada' ELSE 'bob' END, 'r', %lld, 1, 'test', CASE id WHEN 3 THEN %lld"
             " ELSE 1 END FROM finding WHERE id <= 4",
             (long long)end_ms, (long long)(end_ms - 13 * day_ms));
    assert_int_equal(sqlite3_exec(store_database(fixture->store), sql, NULL, NULL, NULL), SQLITE_OK);
    fixture->now_ms = end_ms - 15 * day_ms;
    sweep(fixture, (struct sweep){0});
    assert_int_equal(sqlite3_exec(store_database(fixture->store), "UPDATE finding SET presence = 'FIXED' WHERE id = 4",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_string_equal(amiss(fixture, end_ms - 14 * day_ms - 1), "");
    assert_string_equal(amiss(fixture, end_ms - 14 * day_ms), "waiver-ends ada 2023-12-08");
    assert_string_equal(fixture_text(fixture, "SELECT text FROM alert_condition"),
                        "2 waivers of ada end on 2023-12-08: what they accept will be open again");
    fixture->now_ms = end_ms;
    sweep(fixture, (struct sweep){0});
    assert_string_equal(amiss(fixture, end_ms + 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_few_are_fixed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(many_at_once_are_not, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_open_again_was_an_outage, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_second_look_confirms_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_person_lifts_it, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_realm_that_nobody_scans_is_told, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_scan_of_a_part_is_none_of_the_realm, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_scan_of_the_future_is_none, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_silent_canary_is_told, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(waivers_that_end_soon_are_told, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
