/* What people decide about findings: moves, what was accepted, waivers by rule, scores, requests. */
#include "tests/unit/auditd/fixture.h"

#include "auditd/finding/decide.h"
#include "auditd/finding/disposition.h"
#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/store/asset.h"
#include "auditd/store/scan.h"

#include <errno.h>

/* What the judge below says of every open port. */
static struct {
    double breadth;
    const char *service;
} judged = {0.15, "ssh"};

static void judge_all(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    (void)policy;
    *ret_verdict = (struct verdict){.verdict = VERDICT_FINDING,
                                    .severity = SEVERITY_MEDIUM,
                                    .service_weight = 30,
                                    .breadth = judged.breadth,
                                    .evidence = 1,
                                    .need = 1,
                                    .penalty = 30 * judged.breadth,
                                    .kind = "exposure"};
    snprintf(ret_verdict->rule_id, sizeof(ret_verdict->rule_id), "user/%u", exposure->port);
    snprintf(ret_verdict->service, sizeof(ret_verdict->service), "%s", judged.service);
    snprintf(ret_verdict->breadth_class, sizeof(ret_verdict->breadth_class), "%s",
             judged.breadth > 0.5 ? "world" : "own-vpc");
    snprintf(ret_verdict->need_kind, sizeof(ret_verdict->need_kind), "forbidden");
}

static int setup(void **state)
{
    judged.breadth = 0.15;
    judged.service = "ssh";
    return fixture_setup(state);
}

/* Hosts 10.0.0.1 to .hosts, all with 22 and 80 open. */
static void scan(struct fixture *fixture, int hosts)
{
    const struct fixture_plan plan = {"site", "here", "[\"10.0.0.0/24\"]", "22,80", "", 1, 0};
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct scoring_options scoring = {.max_age_ms = 86400000};
    struct settle_result result;
    char address[32];

    fixture_start(fixture, &plan);
    for (int host = 1; host <= hosts; host++) {
        snprintf(address, sizeof(address), "10.0.0.%d", host);
        fixture_port(fixture, address, 22, "open", "syn-ack");
        fixture_port(fixture, address, 80, "open", "syn-ack");
        fixture_host(fixture, address, true);
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    options.judge = judge_all;
    options.now_ms = scoring.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    scoring.policy_id = options.policy_id;
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    assert_int_equal(scoring_update(fixture->store, &scoring), 0);
}

static void run_sql(struct fixture *fixture, const char *sql)
{
    assert_int_equal(sqlite3_exec(store_database(fixture->store), sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t asset_at(struct fixture *fixture, int host)
{
    char sql[256];

    snprintf(sql, sizeof(sql), "SELECT asset_id FROM asset_identity WHERE value = '10.0.0.%d'", host);
    return fixture_int(fixture, sql);
}

static json_t *decide(struct fixture *fixture, const char *request, int expected, const char *message)
{
    const struct decide_options options = {"alice", fixture->now_ms += 1000, 86400000};
    json_t *json = json_loads(request, 0, NULL);
    char reason[DECIDE_REASON_SIZE];
    json_t *answer = NULL;
    int rc;

    assert_non_null(json);
    rc = decide_run(fixture->store, json, &options, &answer, reason);
    json_decref(json);
    if (rc != expected || strstr(reason, message) == NULL) {
        fail_msg("%s: %d \"%s\", not %d \"%s\"", request, rc, reason, expected, message);
    }
    assert_false(store_in_transaction(fixture->store));
    return answer;
}

static void done(struct fixture *fixture, const char *request)
{
    json_decref(decide(fixture, request, 0, ""));
}

static void refused(struct fixture *fixture, const char *request, int expected, const char *message)
{
    int64_t events = fixture_int(fixture, "SELECT count(*) FROM finding_event");

    assert_null(decide(fixture, request, expected, message));
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_event"), events);
}

static void enforce(struct fixture *fixture, int64_t now_ms, uint64_t expected)
{
    uint64_t moved = 0;

    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(disposition_enforce(fixture->store, now_ms, 0, &moved), 0);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(moved, expected);
}

#define WAIVE "\"owner\":\"shop-team\",\"reason\":\"until the move\",\"until\":\"2023-11-30\""

static const char *disposition_of(struct fixture *fixture, const char *host, int port)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT disposition FROM finding f JOIN asset_identity i ON i.asset_id = f.asset_id"
             " WHERE i.value = '%s' AND f.port = %d",
             host, port);
    return fixture_text(fixture, sql);
}

static void acknowledged_keeps_its_penalty(void **state)
{
    struct fixture *fixture = *state;
    char before[512];

    scan(fixture, 1);
    snprintf(before, sizeof(before), "%s",
             fixture_text(fixture, "SELECT exposure || ' ' || score FROM score WHERE scope = 'fleet'"));
    done(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"ticket 7\"}");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "ACKNOWLEDGED");
    assert_string_equal(fixture_text(fixture, "SELECT actor || '|' || was || '|' || became || '|' || reason FROM"
                                              " finding_event WHERE what = 'disposition'"),
                        "alice|NONE|ACKNOWLEDGED|ticket 7");
    assert_string_equal(
        fixture_text(fixture, "SELECT exposure || ' ' || score FROM score WHERE scope = 'fleet' AND ended_at IS NULL"),
        before);
    /* Again is no move. */
    done(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22/tcp\"],\"reason\":\"again\"}");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_event WHERE what = 'disposition'"), 1);
    judged.breadth = 1;
    scan(fixture, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    assert_non_null(strstr(fixture_text(fixture, "SELECT reason FROM finding_event WHERE what = 'disposition'"
                                                 " ORDER BY id DESC LIMIT 1"),
                           "wider than the acknowledgement"));
    done(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"now this\"}");
    done(fixture, "{\"do\":\"unacknowledge\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"wrong one\"}");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
}

static void waived_is_summed_apart_until_its_end(void **state)
{
    struct fixture *fixture = *state;
    int64_t end;

    scan(fixture, 1);
    done(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"]," WAIVE "}");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "WAIVED");
    assert_string_equal(
        fixture_text(fixture, "SELECT exposure || ' ' || waived FROM score WHERE scope = 'host' AND ended_at IS NULL"),
        "4.5 4.5");
    assert_int_equal(decide_until_parse("2023-11-30", &end), 0);
    enforce(fixture, end - 1, 0);
    enforce(fixture, end, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    assert_string_equal(fixture_text(fixture, "SELECT reason FROM finding_event ORDER BY id DESC LIMIT 1"),
                        "the waiver ended at 2023-12-01T00:00:00.000Z");
    /* A clock that goes back brings it not back. */
    enforce(fixture, end - 1000, 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver WHERE ended_at IS NULL"), 0);
}

static void wider_or_another_service_opens_it_again(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, 1);
    done(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\",\"10.0.0.1:80\"]," WAIVE "}");
    scan(fixture, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "WAIVED");
    judged.breadth = 0.1;
    scan(fixture, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "WAIVED");
    judged.breadth = 1;
    scan(fixture, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding_event WHERE reason LIKE"
                                          " 'wider than the waiver accepted: breadth 1 (world), accepted 0.15'"
                                          " AND scan_id IS NOT NULL"),
                     2);
    done(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"]," WAIVE "}");
    judged.service = "telnet";
    scan(fixture, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    assert_string_equal(fixture_text(fixture, "SELECT end_reason FROM waiver ORDER BY id DESC LIMIT 1"),
                        "another service than the waiver accepted: telnet, accepted ssh");
}

static void a_rule_waives_what_comes_later_too(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, 2);
    done(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"cidr\":[\"10.0.0.0/30\"]}," WAIVE "}");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 2);
    scan(fixture, 5);
    /* 10.0.0.3 is new and in the range; .4 and .5 are not. */
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 3);
    assert_string_equal(disposition_of(fixture, "10.0.0.3", 22), "WAIVED");
    /* One of them by hand: the rule does not take it back. */
    done(fixture, "{\"do\":\"unwaive\",\"findings\":[\"10.0.0.2:22\"],\"reason\":\"not this\"}");
    scan(fixture, 5);
    assert_string_equal(disposition_of(fixture, "10.0.0.2", 22), "NONE");
    judged.breadth = 1;
    scan(fixture, 5);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 0);
    judged.breadth = 0.15;
    scan(fixture, 5);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 0);
}

static void a_rule_s_waiver_ends_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    char request[256];

    scan(fixture, 2);
    done(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"realm\":[\"site\"]}," WAIVE "}");
    snprintf(request, sizeof(request), "{\"do\":\"unwaive\",\"waivers\":[\"%s\"],\"reason\":\"moved\"}",
             fixture_text(fixture, "SELECT uuid FROM waiver_grant"));
    done(fixture, request);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 0);
    scan(fixture, 3);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 0);
    refused(fixture, request, -ENOENT, "there is no waiver");
    done(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\"," WAIVE "}");
    enforce(fixture, INT64_C(1900000000000), 3);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver_grant WHERE ended_at IS NULL"), 0);
}

/* Many waivers, each by address, by tag, by name or by range: each host gets those that are its own, and no others. */
static void many_waivers_find_their_hosts(void **state)
{
    struct fixture *fixture = *state;
    char request[512];

    scan(fixture, 60);
    run_sql(fixture, "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT asset_id, 'inventory',"
                     " 'app', 'a' || asset_id, 1 FROM asset_identity WHERE kind = 'address'");
    for (int i = 1; i <= 40; i++) {
        int id = (int)asset_at(fixture, i);
        const char *rule = i % 2 == 0 ? "user/22" : "user/80";
        if (i <= 20) {
            snprintf(request, sizeof(request),
                     "{\"do\":\"waive\",\"rule\":\"%s\",\"hosts\":{\"cidr\":[\"10.0.0.%d\"]}," WAIVE "}", rule, i);
        } else {
            snprintf(request, sizeof(request),
                     "{\"do\":\"waive\",\"rule\":\"%s\",\"hosts\":{\"tag\":{\"app\":\"a%d\"}}," WAIVE "}", rule, id);
        }
        done(fixture, request);
    }
    done(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"cidr\":[\"10.0.0.56/30\"],"
                  "\"realm\":[\"site\"]}," WAIVE "}");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 44);
    assert_string_equal(disposition_of(fixture, "10.0.0.2", 22), "WAIVED");
    assert_string_equal(disposition_of(fixture, "10.0.0.2", 80), "NONE");
    assert_string_equal(disposition_of(fixture, "10.0.0.33", 80), "WAIVED");
    assert_string_equal(disposition_of(fixture, "10.0.0.33", 22), "NONE");
    assert_string_equal(disposition_of(fixture, "10.0.0.45", 22), "NONE");
    /* A tag that comes later brings its waiver, with the next look at all; one that is there covers what is found
     * again. */
    run_sql(fixture, "UPDATE asset_tag SET value = (SELECT value FROM asset_tag WHERE asset_id = (SELECT asset_id FROM"
                     " asset_identity WHERE value = '10.0.0.22')) WHERE asset_id = (SELECT asset_id FROM asset_identity"
                     " WHERE value = '10.0.0.45')");
    enforce(fixture, fixture->now_ms, 1);
    assert_string_equal(disposition_of(fixture, "10.0.0.45", 22), "WAIVED");
    scan(fixture, 60);
    enforce(fixture, fixture->now_ms, 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 45);
    /* All end at one time. */
    enforce(fixture, INT64_C(1900000000000), 45);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver_grant WHERE ended_at IS NULL"), 0);
}

static void a_group_of_the_policy_is_waived(void **state)
{
    struct fixture *fixture = *state;
    const struct store_policy other = {"other", "test", "version: 1\ngroups:\n  few: {cidr: 10.0.0.4/30}\n", 1};
    int64_t policy_id = 0;

    scan(fixture, 8);
    run_sql(fixture, "UPDATE policy SET source = 'version: 1' || char(10) || 'groups: {few: {cidr: 10.0.0.0/30}, none:"
                     " {cidr: 192.0.2.0/24}}' || char(10)");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"group\":[\"fwe\"]}," WAIVE "}", -EINVAL,
            "the policy has no group \"fwe\"");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"group\":[\"none\"]}," WAIVE "}", -ENOENT,
            "nothing would be waived");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"group\":\"few\"}," WAIVE "}", -EINVAL,
            "is no list of text");
    done(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"group\":[\"none\",\"few\"]}," WAIVE "}");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 3);
    /* Another policy calls other hosts so: what was accepted stays, and the others come in when all is judged by it. */
    assert_int_equal(store_policy_put(fixture->store, &other, 1, &policy_id), 0);
    run_sql(fixture,
            "INSERT INTO judgement (policy_id, at, reason, endpoints, changed) SELECT id, 9999999999999, 'x', 0, 0"
            " FROM policy WHERE hash = 'other'");
    enforce(fixture, fixture->now_ms, 4);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM finding WHERE disposition = 'WAIVED'"), 7);
    assert_string_equal(disposition_of(fixture, "10.0.0.8", 22), "NONE");
}

static void what_is_wrong_is_said_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, 1);
    refused(fixture, "{\"do\":\"forget\"}", -EINVAL, "\"do\" must be");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22\"]}", -EINVAL, "\"reason\" is missing");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\" \"}", -EINVAL, "empty");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[],\"reason\":\"r\"}", -EINVAL, "no list");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[7],\"reason\":\"r\"}", -EINVAL, "no text");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"ssh\"],\"reason\":\"r\"}", -EINVAL,
            "neither ADDRESS:PORT");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.9:22\"],\"reason\":\"r\"}", -ENOENT,
            "there is no finding at 10.0.0.9:22");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"0123456789\"],\"reason\":\"r\"}", -ENOENT,
            "there is no finding 0123456789");
    refused(fixture, "{\"do\":\"unwaive\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"r\"}", -EPERM,
            "10.0.0.1:22 is NEW: it is not waived");
    refused(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"r\",\"owner\":\"o\"}", -EINVAL,
            "\"until\" is missing");
    refused(fixture,
            "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"r\",\"owner\":\"o\",\"until\":\"soon\"}",
            -EINVAL, "no date like 2027-03-31");
    refused(
        fixture,
        "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"r\",\"owner\":\"o\",\"until\":\"2020-01-01\"}",
        -EINVAL, "in the past");
    refused(fixture, "{\"do\":\"waive\"," WAIVE "}", -EINVAL, "by \"findings\" or by \"rule\"");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/23\"," WAIVE "}", -ENOENT, "nothing would be waived");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"cidr\":[\"x\"]}," WAIVE "}", -EINVAL,
            "no address and no CIDR");
    refused(fixture, "{\"do\":\"waive\",\"rule\":\"user/22\",\"hosts\":{\"tags\":{}}," WAIVE "}", -EINVAL,
            "none of realm, cidr, name, group, tag");
    /* The second of two fails: the first is not done either. */
    refused(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\",\"10.0.0.1:23\"]," WAIVE "}", -ENOENT,
            "10.0.0.1:23");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver"), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver_grant"), 0);
    refused(fixture, "{\"do\":\"waive\",\"last_event\":999999,\"findings\":[\"10.0.0.1:22\"]," WAIVE "}", -ESTALE,
            "10.0.0.1:22 has changed since it was read");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "NONE");
    done(fixture, "{\"do\":\"waive\",\"findings\":[\"10.0.0.1:22\"]," WAIVE "}");
    refused(fixture, "{\"do\":\"acknowledge\",\"findings\":[\"10.0.0.1:22\"],\"reason\":\"r\"}", -EPERM, "is waived");
}

static void a_file_is_imported_as_a_whole_or_not(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, 2);
    refused(fixture,
            "{\"do\":\"import\",\"csv\":\"finding,owner,reason,until\\n10.0.0.1:22,o,r,2023-11-30\\n"
            "10.0.0.7:22,o,r,2023-11-30\\n\"}",
            -ENOENT, "line 3: there is no finding at 10.0.0.7:22");
    refused(fixture, "{\"do\":\"import\",\"csv\":\"finding,owner,reason,until\\n10.0.0.1:22,,r,2023-11-30\\n\"}",
            -EINVAL, "line 2, column 13: no owner");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM waiver"), 0);
    done(fixture, "{\"do\":\"import\",\"csv\":\"finding,rule,cidr,owner,reason,until\\n"
                  "10.0.0.1:22,,,o,\\\"a, b\\\",2023-11-30\\n,user/80,10.0.0.2,o,r,2023-11-30\\n\"}");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 22), "WAIVED");
    assert_string_equal(disposition_of(fixture, "10.0.0.2", 80), "WAIVED");
    assert_string_equal(disposition_of(fixture, "10.0.0.1", 80), "NONE");
    assert_string_equal(fixture_text(fixture, "SELECT reason FROM waiver ORDER BY id LIMIT 1"), "a, b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(acknowledged_keeps_its_penalty, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(waived_is_summed_apart_until_its_end, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(wider_or_another_service_opens_it_again, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_rule_waives_what_comes_later_too, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_rule_s_waiver_ends_as_a_whole, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(many_waivers_find_their_hosts, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_group_of_the_policy_is_waived, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_and_changes_nothing, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_imported_as_a_whole_or_not, setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("disposition", tests, NULL, NULL);
}
