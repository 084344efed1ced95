#include "tests/unit/auditd/fixture.h"

#include "auditd/alert/courier.h"
#include "auditd/alert/derive.h"
#include "auditd/config/config.h"
#include "auditd/finding/settle.h"
#include "auditd/policy/policy.h"
#include "auditd/store/alert.h"
#include "auditd/store/condition.h"
#include "auditd/store/scan.h"
#include "auditd/store/tag.h"

#include <errno.h>
#include <inttypes.h>

/* What the judge says next. */
static const char *title = "Redis on 6379/tcp";
static const char *owner = "";
static enum severity severity = SEVERITY_HIGH;
static const char *need = "forbidden";

static void judge_plainly(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    (void)policy;
    (void)exposure;
    *ret_verdict = (struct verdict){.verdict = VERDICT_FINDING,
                                    .severity = severity,
                                    .service_weight = 40,
                                    .breadth = 0.15,
                                    .evidence = 1,
                                    .need = 1,
                                    .penalty = 6,
                                    .kind = "exposure",
                                    .service = "redis",
                                    .breadth_class = "own-vpc"};
    snprintf(ret_verdict->title, sizeof(ret_verdict->title), "%s", title);
    snprintf(ret_verdict->owner, sizeof(ret_verdict->owner), "%s", owner);
    snprintf(ret_verdict->need_kind, sizeof(ret_verdict->need_kind), "%s", need);
    ret_verdict->verdict = verdict_kind_of(need);
}

static void configure(struct config *config, const char *alerts)
{
    char text[4096];
    struct problems problems = {0};
    int length = snprintf(text, sizeof(text),
                          "version: 1\nalerts:\n  receivers:\n    - {name: ops, kind: webhook, url: \"http://x/\"}\n"
                          "    - {name: team, kind: slack, url: \"http://x/\"}\n%s",
                          alerts);

    if (config_parse(text, (size_t)length, NULL, &problems, config) < 0) {
        fail_msg("the configuration: %s", problems.errors[0].message);
    }
}

static void settle(struct fixture *fixture)
{
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    options.judge = judge_plainly;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
}

/* One scan of `hosts` hosts, which have `port` open, or refuse it. */
static void scan(struct fixture *fixture, int hosts, int port, bool open)
{
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/16\"]", "1-65535", "", 1, 0};
    char host[32];

    fixture_start(fixture, &plan);
    for (int i = 0; i < hosts; i++) {
        snprintf(host, sizeof(host), "10.0.%d.%d", i / 250, 1 + i % 250);
        fixture_port(fixture, host, port, open ? "open" : "closed", open ? "syn-ack" : "conn-refused");
        fixture_host(fixture, host, true);
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(fixture);
}

/* A second probe makes it OPEN. */
static void open_port(struct fixture *fixture, int hosts, int port)
{
    scan(fixture, hosts, port, true);
    scan(fixture, hosts, port, true);
}

/* Two refusals make it FIXED. */
static void fix_port(struct fixture *fixture, int hosts, int port)
{
    scan(fixture, hosts, port, false);
    scan(fixture, hosts, port, false);
}

static const char *const alerts_sql =
    "SELECT group_concat(t, ';') FROM (SELECT a.receiver || ' ' || l.change || ' ' || l.findings || ' ' ||"
    " json_array_length(l.hosts) AS t FROM alert a JOIN alert_line l ON l.alert_id = a.id ORDER BY a.receiver, l.id)";

static void one_port_on_many_hosts_is_one_alert(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    configure(&config, "  rules: [{name: all, severity: low, to: [ops, team]}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    open_port(fixture, 500, 6379);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE presence = 'OPEN'"), 500);
    assert_string_equal(fixture_text(fixture, alerts_sql), "ops new 500 20;team new 500 20");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert"), 2);
    /* Nothing happened: nothing is told. */
    scan(fixture, 500, 6379, true);
    assert_int_equal(fixture_int(fixture, "SELECT sum(findings) FROM alert_line"), 1000);
    config_done(&config);
}

/* Somebody said that it is meant: nobody is told until it is known that it is not. */
static void what_is_unproven_is_told_to_nobody(void **state)
{
    static const char *const meant[] = {"unproven", "unverified"};
    struct fixture *fixture = *state;
    struct config config;

    configure(&config, "  rules: [{name: all, severity: low, on: [new, reopened], to: [ops]}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    for (size_t i = 0; i < 2; i++) {
        int port = 6379 + (int)i;
        char expected[64];
        need = meant[i];
        open_port(fixture, 3, port);
        fix_port(fixture, 3, port);
        scan(fixture, 3, port, true);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE presence = 'REAPPEARED'"), 3);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert_line"), (int64_t)i);
        need = "forbidden";
        scan(fixture, 3, port, true);
        scan(fixture, 3, port, true);
        assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert_line"), (int64_t)i + 1);
        snprintf(expected, sizeof(expected), "ops new 3 3%s", i > 0 ? ";ops new 3 3" : "");
        assert_string_equal(fixture_text(fixture, alerts_sql), expected);
        fix_port(fixture, 3, port);
    }
    config_done(&config);
}

static void a_group_has_an_alert_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct config config;
    const struct host_tag tags[] = {{"app", "shop"}, {"app", "mail\nto: all"}};

    configure(&config, "  rules: [{name: all, severity: low, group_by: app, to: ops}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    scan(fixture, 5, 6379, true);
    for (int64_t asset = 1; asset <= 4; asset++) {
        assert_int_equal(store_begin(fixture->store), 0);
        assert_true(store_tags_set(fixture->store, asset, "configuration", (struct host_tags){&tags[asset % 2], 1},
                                   fixture->now_ms) >= 0);
        assert_int_equal(store_commit(fixture->store), 0);
    }
    scan(fixture, 5, 6379, true);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(group_name || '=' || findings, ';') FROM (SELECT"
                                              " group_name, findings FROM alert_line ORDER BY group_name)"),
                        "app==1;app=mail\\x0ato: all=2;app=shop=2");
    config_done(&config);
}

static void a_receiver_is_told_by_the_first_rule_that_fits(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    configure(&config, "  rules:\n"
                       "    - {name: theirs, owner: [\"db-*\", web], severity: high, to: team}\n"
                       "    - {name: rest, severity: medium, to: [ops, team]}\n"
                       "    - {name: fixed, on: fixed, severity: low, to: ops}\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    owner = "db-team";
    open_port(fixture, 1, 6379);
    owner = "nobody";
    open_port(fixture, 1, 6380);
    severity = SEVERITY_LOW;
    open_port(fixture, 1, 6381);
    severity = SEVERITY_HIGH;
    owner = "";
    assert_string_equal(
        fixture_text(fixture, "SELECT group_concat(t, ';') FROM (SELECT a.receiver || ' ' || a.rule || ' ' || l.port"
                              " AS t FROM alert a JOIN alert_line l ON l.alert_id = a.id ORDER BY l.port, 1)"),
        "ops rest 6379;team theirs 6379;ops rest 6380;team rest 6380");
    fix_port(fixture, 1, 6381);
    assert_string_equal(fixture_text(fixture, "SELECT rule || ' ' || l.change FROM alert a JOIN alert_line l ON"
                                              " l.alert_id = a.id WHERE l.port = 6381"),
                        "fixed fixed");
    config_done(&config);
}

/* What is told last must be true: a receiver that was told of the end is told of the next beginning, at once. */
static void the_same_is_not_told_twice(void **state)
{
    struct fixture *fixture = *state;
    struct config config;
    static const char *const told = "SELECT group_concat(change, ' ') FROM (SELECT change FROM alert_line ORDER BY id)";

    configure(&config, "  rules:\n    - {name: open, severity: low, to: ops, dedup: 365d}\n"
                       "    - {name: all, on: [new, reopened, fixed], severity: low, to: team, dedup: 365d}\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    open_port(fixture, 1, 6379);
    assert_string_equal(fixture_text(fixture, told), "new new");
    fix_port(fixture, 1, 6379);
    open_port(fixture, 1, 6379);
    fix_port(fixture, 1, 6379);
    open_port(fixture, 1, 6379);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(change, ' ') FROM (SELECT change FROM alert_item"
                                              " WHERE receiver = 'ops' ORDER BY at, line_id)"),
                        "new reopened");
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(change, ' ') FROM (SELECT change FROM alert_item"
                                              " WHERE receiver = 'team' ORDER BY at, line_id)"),
                        "new fixed reopened fixed reopened");
    config_done(&config);
}

static void hostile_words_are_words(void **state)
{
    struct fixture *fixture = *state;
    struct config config;
    json_t *alert = NULL;

    configure(&config, "  rules: [{name: all, severity: low, to: ops}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    title = "x\r\nBcc: all@example.org\x1b[2J\xe2\x80\xae\xff\xc3";
    owner = "o\nwner";
    open_port(fixture, 1, 6379);
    title = "Redis on 6379/tcp";
    owner = "";
    assert_string_equal(fixture_text(fixture, "SELECT title FROM alert"),
                        "x\\x0d\\x0aBcc: all@example.org\\x1b[2J\\xe2\\x80\\xae\\xff\\xc3");
    assert_string_equal(fixture_text(fixture, "SELECT owner FROM alert_line"), "o\\x0awner");
    assert_int_equal(store_alert_json(fixture->store, fixture_text(fixture, "SELECT uuid FROM alert"), true, &alert),
                     0);
    json_decref(alert);
    config_done(&config);
}

/* More than 20 that are not alike are lines of one. */
static void a_flood_is_one_more_message(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    configure(&config, "  rules: [{name: all, severity: low, to: ops}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    for (int round = 0; round < 2; round++) {
        const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/16\"]", "1-65535", "", 1, 0};
        fixture_start(fixture, &plan);
        for (int port = 1; port <= 50; port++) {
            fixture_port(fixture, "10.0.0.1", port, "open", "syn-ack");
        }
        fixture_host(fixture, "10.0.0.1", true);
        fixture_slab(fixture, 0, 1);
        fixture_end(fixture, true);
        settle(fixture);
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert"), 21);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert_line"), 50);
    assert_int_equal(
        fixture_int(fixture, "SELECT count(*) FROM alert_line WHERE alert_id = (SELECT max(id) FROM alert)"), 30);
    config_done(&config);
}

/* ---- when ---- */

/* `what`: members of the rule. When a test of it that happens at `at` may go, "2026-07-01T12:00" UTC. */
static const char *goes_at(struct fixture *fixture, const char *what, const char *at)
{
    char rules[512];
    struct config config;
    const char *text;
    int64_t at_ms;

    snprintf(rules, sizeof(rules), "  rules: [{name: all, to: ops, %s}]\n", what);
    configure(&config, rules);
    assert_int_equal(wall_parse(at, &at_ms), 0);
    at_ms = derive_next_at(&config.alerts.rules[0], at_ms);
    text = wall_format(at_ms, fixture->reason);
    config_done(&config);
    return text;
}

static void quiet_hours_and_digests_are_local(void **state)
{
    static const char *const berlin = "zone: Europe/Berlin, quiet: [{from: \"22:00\", to: \"07:00\"}]";
    static const char *const both =
        "zone: Europe/Berlin, digest: \"0 6 * * *\", quiet: [{from: \"22:00\", to: \"07:00\"}]";
    static const char *const kolkata = "zone: Asia/Kolkata, digest: \"30 9 * * mon-fri\"";

    /* Summer: 22:00 there is 20:00 UTC. */
    assert_string_equal(goes_at(*state, berlin, "2026-07-01T19:59:00Z"), "2026-07-01T19:59:00.000Z");
    assert_string_equal(goes_at(*state, berlin, "2026-07-01T20:00:00Z"), "2026-07-02T05:00:00.000Z");
    /* Winter, and the night in which the clocks go back. */
    assert_string_equal(goes_at(*state, berlin, "2026-12-01T21:30:00Z"), "2026-12-02T06:00:00.000Z");
    assert_string_equal(goes_at(*state, berlin, "2026-10-24T21:00:00Z"), "2026-10-25T06:00:00.000Z");
    /* A digest that falls into quiet hours goes when they end. */
    assert_string_equal(goes_at(*state, both, "2026-07-01T12:00:00Z"), "2026-07-02T05:00:00.000Z");
    /* Friday noon: on Monday at 9:30, which is 4:00 UTC. */
    assert_string_equal(goes_at(*state, kolkata, "2026-07-03T12:00:00Z"), "2026-07-06T04:00:00.000Z");
    assert_string_equal(goes_at(*state, "gather: 5m", "2026-07-01T12:00:00Z"), "2026-07-01T12:05:00.000Z");
}

static void waits_grow_and_end(void **state)
{
    const struct config_alerts alerts = {
        .retry_first_ms = 5000, .retry_longest_ms = 3600000, .retry_for_ms = INT64_C(86400000)};
    int64_t lowest = INT64_MAX;

    (void)state;
    assert_int_equal(courier_wait_ms(&alerts, 1, 0), 5000);
    assert_int_equal(courier_wait_ms(&alerts, 4, 0), 40000);
    assert_int_equal(courier_wait_ms(&alerts, 60, 0), 3600000);
    assert_int_equal(courier_wait_ms(&alerts, INT64_MAX, 0), 3600000);
    for (uint32_t random = 0; random < 2048; random++) {
        int64_t wait_ms = courier_wait_ms(&alerts, 2, random);
        assert_true(wait_ms <= 10000 && wait_ms > 7500);
        lowest = wait_ms < lowest ? wait_ms : lowest;
    }
    assert_true(lowest < 7600);
    assert_false(courier_gives_up(&alerts, 100, 1000, 1000 + 86399999));
    assert_true(courier_gives_up(&alerts, 100, 1000, 1000 + 86400000));
    /* The daemon was away, or the clock was set: it was hardly tried. */
    assert_false(courier_gives_up(&alerts, 2, 1000, INT64_C(1) << 50));
}

/* ---- the life of a message ---- */

static void put(struct fixture *fixture, char uuid[STORE_UUID_SIZE])
{
    const struct store_alert_line line = {.rule = "r",
                                          .receiver = "ops",
                                          .key = "k",
                                          .change = "new",
                                          .severity_rank = 3,
                                          .kind = "exposure",
                                          .service = "ssh",
                                          .proto = "tcp",
                                          .port = 22,
                                          .owner = "",
                                          .group = "",
                                          .title = "t",
                                          .fix = "",
                                          .address = "10.0.0.1",
                                          .at_ms = 1000,
                                          .next_at_ms = 1000,
                                          .is_alone = true};

    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(store_alert_put(fixture->store, &line, uuid), 0);
    assert_int_equal(store_commit(fixture->store), 0);
}

static int due(struct fixture *fixture, int64_t now_ms, struct store_alert *ret_alert)
{
    return store_alert_due(fixture->store, "ops", &(struct store_alert_when){now_ms, now_ms}, ret_alert);
}

static void a_message_waits_dies_and_comes_back(void **state)
{
    struct fixture *fixture = *state;
    char uuid[STORE_UUID_SIZE];
    char again[STORE_UUID_SIZE];
    struct store_alert alert;
    struct store_alert_wish wish = {.uuid = uuid, .actor = "somebody", .now_ms = 9000};
    int64_t count;

    put(fixture, uuid);
    put(fixture, again);
    /* It had not been tried: what is alike joins it. */
    assert_string_equal(uuid, again);
    assert_int_equal(due(fixture, 999, &alert), 0); /* the clock went back */
    assert_int_equal(due(fixture, 1000, &alert), 0);
    assert_int_equal(store_alert_begin(fixture->store, &alert, 1000, 6000), 0);
    assert_int_equal(due(fixture, 5999, &alert), -ENOENT);
    put(fixture, again);
    assert_string_not_equal(uuid, again);
    assert_int_equal(store_alert_drop(fixture->store, &(struct store_alert_wish){again, "x", 1}, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(due(fixture, 6000, &alert), 0);
    assert_string_equal(alert.uuid, uuid);
    assert_int_equal(store_alert_failed(fixture->store, alert.id, "refused", 7000, true), 0);
    assert_int_equal(due(fixture, 99999, &alert), -ENOENT);
    assert_int_equal(store_alert_retry(fixture->store, &wish, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(due(fixture, 9000, &alert), 0);
    assert_int_equal(alert.tried_since, 0);
    assert_string_equal(alert.uuid, uuid);
    /* Dropped while it was under way: a failure does not wake it. */
    assert_int_equal(store_alert_drop(fixture->store, &wish, &count), 0);
    assert_int_equal(store_alert_failed(fixture->store, alert.id, "refused", 7000, false), 0);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(state || ' ' || actor) FROM alert"),
                        "dropped somebody,dropped x");
    assert_int_equal(store_alert_retry(fixture->store, &wish, &count), 0);
    assert_int_equal(count, 0);
}

/* Undone with what caused it: nobody is told of what was not committed. */
static void no_alert_without_its_cause(void **state)
{
    struct fixture *fixture = *state;
    struct config config;

    configure(&config, "  rules: [{name: all, severity: low, to: ops}]\n");
    assert_int_equal(derive_attach(fixture->store, &config.alerts), 0);
    scan(fixture, 1, 6379, true);
    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(store_condition_raise(fixture->store, "k", "s", "text", 1), 0);
    store_rollback(fixture->store);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM alert"), 0);
    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(store_condition_raise(fixture->store, "k", "s", "text", 1), 0);
    assert_int_equal(store_condition_raise(fixture->store, "k", "s", "text", 2), 0);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(title || ' ' || change) FROM alert_line"),
                        "text self");
    config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_port_on_many_hosts_is_one_alert, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_unproven_is_told_to_nobody, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_group_has_an_alert_of_its_own, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_receiver_is_told_by_the_first_rule_that_fits, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_same_is_not_told_twice, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(hostile_words_are_words, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_one_more_message, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(quiet_hours_and_digests_are_local, fixture_setup, fixture_teardown),
        cmocka_unit_test(waits_grow_and_end),
        cmocka_unit_test_setup_teardown(a_message_waits_dies_and_comes_back, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(no_alert_without_its_cause, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
