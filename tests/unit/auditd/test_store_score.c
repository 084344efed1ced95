#include "tests/unit/auditd/fixture.h"

#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/store/scan.h"
#include "auditd/store/score.h"

#include <math.h>

static void judge_by_port(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    (void)policy;
    *ret_verdict = (struct verdict){.verdict = VERDICT_FINDING,
                                    .severity = SEVERITY_LOW,
                                    .service_weight = 40,
                                    .breadth = 0.15,
                                    .evidence = 1,
                                    .need = 1,
                                    .penalty = exposure->port == 22 ? 6 : 3,
                                    .kind = "exposure",
                                    .service = "test",
                                    .breadth_class = "own-vpc"};
}

static int64_t scan_and_settle(struct fixture *fixture, const char *realm, const char *host, const char *ports)
{
    const struct store_policy policy = {"h", "test", "", 1};
    struct settle_options options = settle_options_default();
    struct fixture_plan plan = {realm, "here", "[\"10.0.0.0/24\"]", ports, "", 1, 0};
    struct settle_result result;

    fixture_start(fixture, &plan);
    fixture_port(fixture, host, 22, "open", "syn-ack");
    fixture_port(fixture, host, 80, "open", "syn-ack");
    fixture_host(fixture, host, true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    options.judge = judge_by_port;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, 1, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    return options.policy_id;
}

struct seen {
    size_t count;
    double first;
    double sum;
};

static int see(void *context, const struct score_finding *finding)
{
    struct seen *seen = context;

    if (seen->count++ == 0) {
        seen->first = finding->verdict.penalty;
    }
    seen->sum += finding->verdict.penalty;
    return 0;
}

static struct seen findings_of(struct fixture *fixture, const char *scope, const char *subject)
{
    const struct score_subject asked = {scope, subject};
    struct seen seen = {0};

    assert_int_equal(store_score_findings(fixture->store, &asked, see, &seen), 0);
    return seen;
}

static void gives_what_counts(void **state)
{
    struct fixture *fixture = *state;

    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    scan_and_settle(fixture, "b", "10.0.0.5", "22,80");
    assert_int_equal(findings_of(fixture, "fleet", "").count, 4);
    assert_true(fabs(findings_of(fixture, "realm", "a").sum - 9) < 1e-9);
    assert_true(fabs(findings_of(fixture, "realm", "a").first - 6) < 1e-9);
    assert_int_equal(findings_of(fixture, "realm", "none").count, 0);
    assert_int_equal(findings_of(fixture, "host", fixture_text(fixture, "SELECT uuid FROM asset LIMIT 1")).count, 2);
    assert_int_equal(sqlite3_exec(store_database(fixture->store),
                                  "UPDATE finding SET presence = 'FIXED' WHERE id = 1;"
                                  "UPDATE finding SET sight = 'RETIRED' WHERE id = 2;"
                                  "UPDATE finding SET sight = 'STALE' WHERE id = 3;"
                                  "UPDATE finding SET disposition = 'WAIVED' WHERE id = 4",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(findings_of(fixture, "fleet", "").count, 2);
}

static double coverage_of(struct fixture *fixture, const char *scope, const char *subject, int64_t max_age_ms)
{
    const struct score_subject asked = {scope, subject};
    double coverage = -1;

    assert_int_equal(store_score_coverage(fixture->store, &asked, fixture->now_ms, max_age_ms, &coverage), 0);
    return coverage;
}

static void coverage_is_a_share_of_ports(void **state)
{
    struct fixture *fixture = *state;

    assert_true(coverage_of(fixture, "fleet", "", 1000) == 0);
    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    assert_true(coverage_of(fixture, "fleet", "", 60000) == 1);
    /* A wider plan later: its ports are the union, each once. The narrow one grows old. */
    fixture->now_ms += 3600000;
    assert_true(coverage_of(fixture, "fleet", "", 60000) == 0);
    scan_and_settle(fixture, "a", "10.0.0.5", "80,81-88,22");
    assert_true(coverage_of(fixture, "fleet", "", 60000) == 1);
    fixture->now_ms += 3600000;
    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    assert_true(fabs(coverage_of(fixture, "realm", "a", 60000) - 0.2) < 1e-9);
    scan_and_settle(fixture, "b", "10.0.0.9", "22,80");
    assert_true(fabs(coverage_of(fixture, "fleet", "", 600000) - 4.0 / 12) < 1e-9);
}

static void a_score_that_stays_is_one_row(void **state)
{
    struct fixture *fixture = *state;
    struct scoring_options options = {.max_age_ms = INT64_C(86400000)};

    for (int i = 0; i < 3; i++) {
        options.policy_id = scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
        options.now_ms = fixture->now_ms;
        assert_int_equal(scoring_update(fixture->store, &options), 0);
    }
    /* The fleet, the realm, the host. */
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score"), 3);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE last_at > first_at"), 3);
    scan_and_settle(fixture, "a", "10.0.0.6", "22,80");
    assert_int_equal(scoring_update(fixture->store, &options), 0);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE ended_at IS NULL"), 4);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE ended_at IS NOT NULL"), 2);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(gives_what_counts),
        WITH_STORE(coverage_is_a_share_of_ports),
        WITH_STORE(a_score_that_stays_is_one_row),
    };
    return cmocka_run_group_tests_name("store_score", tests, NULL, NULL);
}
