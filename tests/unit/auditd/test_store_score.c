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

/* What a walk gave of the assets of a realm; NULL: of all. */
struct seen {
    const char *realm;
    size_t pending;
    double pending_sum;
    size_t count;
    double sum;
    size_t waived;
    size_t assets;
    uint64_t planned;
    uint64_t judged;
    char tags[256];
};

static int see_finding(void *context, const struct score_item *item)
{
    struct seen *seen = context;

    assert_int_equal(item->count, 1);
    assert_string_equal(item->service, "test");
    seen->pending++;
    seen->pending_sum += item->penalty;
    seen->waived += item->waived ? 1 : 0;
    return 0;
}

static int see_tag(void *context, const char *key, const char *value)
{
    struct seen *seen = context;
    size_t length = strlen(seen->tags);

    snprintf(seen->tags + length, sizeof(seen->tags) - length, "%s=%s ", key, value);
    return 0;
}

static int see_asset(void *context, const struct score_asset *asset)
{
    struct seen *seen = context;

    if (seen->realm == NULL || strcmp(seen->realm, asset->realm) == 0) {
        seen->count += seen->pending;
        seen->sum += seen->pending_sum;
        seen->planned += asset->planned;
        seen->judged += asset->judged;
        seen->assets++;
    }
    seen->pending = 0;
    seen->pending_sum = 0;
    return 0;
}

static struct seen walk(struct fixture *fixture, const char *realm, int64_t max_age_ms)
{
    const struct score_walk_options options = {.judged_since_ms = fixture->now_ms - max_age_ms};
    struct seen seen = {.realm = realm};

    assert_int_equal(
        store_score_walk(fixture->store, &options, &(struct score_visitor){see_finding, see_tag, see_asset, &seen}), 0);
    return seen;
}

static void run_sql(struct fixture *fixture, const char *sql)
{
    assert_int_equal(sqlite3_exec(store_database(fixture->store), sql, NULL, NULL, NULL), SQLITE_OK);
}

static void gives_what_counts(void **state)
{
    struct fixture *fixture = *state;

    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    scan_and_settle(fixture, "b", "10.0.0.5", "22,80");
    assert_int_equal(walk(fixture, NULL, 0).count, 4);
    assert_int_equal(walk(fixture, NULL, 0).assets, 2);
    assert_true(fabs(walk(fixture, "a", 0).sum - 9) < 1e-9);
    assert_int_equal(walk(fixture, "none", 0).count, 0);
    run_sql(fixture, "UPDATE finding SET presence = 'FIXED' WHERE id = 1;"
                     "UPDATE finding SET sight = 'RETIRED' WHERE id = 2;"
                     "UPDATE finding SET sight = 'STALE' WHERE id = 3;"
                     "UPDATE finding SET disposition = 'WAIVED' WHERE id = 4");
    assert_int_equal(walk(fixture, NULL, 0).count, 2);
    assert_int_equal(walk(fixture, NULL, 0).waived, 1);
    /* What has ended is passed over, with all that it had. */
    run_sql(fixture, "UPDATE asset SET ended_at = 1, end_reason = 'x' WHERE realm_id = (SELECT id FROM realm WHERE name"
                     " = 'a')");
    assert_int_equal(walk(fixture, NULL, 0).assets, 1);
    assert_int_equal(walk(fixture, "b", 0).count, 2);
}

static double coverage_of(struct fixture *fixture, const char *realm, int64_t max_age_ms)
{
    struct seen seen = walk(fixture, realm, max_age_ms);

    return seen.planned == 0 ? 0 : (double)seen.judged / (double)seen.planned;
}

static void coverage_is_a_share_of_ports(void **state)
{
    struct fixture *fixture = *state;

    assert_true(coverage_of(fixture, NULL, 1000) == 0);
    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    assert_true(coverage_of(fixture, NULL, 60000) == 1);
    /* A wider plan later: its ports are the union, each once. The narrow one grows old. */
    fixture->now_ms += 3600000;
    assert_true(coverage_of(fixture, NULL, 60000) == 0);
    scan_and_settle(fixture, "a", "10.0.0.5", "80,81-88,22");
    assert_true(coverage_of(fixture, NULL, 60000) == 1);
    fixture->now_ms += 3600000;
    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    assert_true(fabs(coverage_of(fixture, "a", 60000) - 0.2) < 1e-9);
    scan_and_settle(fixture, "b", "10.0.0.9", "22,80");
    assert_true(fabs(coverage_of(fixture, NULL, 600000) - 4.0 / 12) < 1e-9);
}

/* ---- groups ---- */

static const char policy_of_groups[] = "version: 1\n"
                                       "groups:\n"
                                       "  low: {cidr: 10.0.0.5/32}\n"
                                       "  shop: {tags: {app: shop}}\n"
                                       "  nobody: {tags: {app: none}}\n";

static void tag(struct fixture *fixture, const char *address, const char *source, const char *key, const char *value)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT asset_id, '%s', '%s', '%s', 1"
             " FROM asset_identity WHERE kind = 'address' AND value = '%s'",
             source, key, value, address);
    run_sql(fixture, sql);
}

static void score_by_groups(struct fixture *fixture)
{
    const struct store_policy row = {"groups", "test", policy_of_groups, 1};
    struct scoring_options options = {.max_age_ms = INT64_C(86400000), .now_ms = fixture->now_ms};

    assert_int_equal(store_policy_put(fixture->store, &row, 1, &options.policy_id), 0);
    assert_int_equal(scoring_update(fixture->store, &options), 0);
}

#define LIVING_GROUPS                                                                                                  \
    "SELECT coalesce(group_concat(subject, ' '), '') FROM (SELECT subject FROM score WHERE scope = 'group'"            \
    " AND ended_at IS NULL ORDER BY subject)"

/* The hosts of a group make its score, as they make the fleet's; a tag of one host is that host's score, and none. */
static void groups_have_scores(void **state)
{
    struct fixture *fixture = *state;

    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    scan_and_settle(fixture, "a", "10.0.0.6", "22,80");
    scan_and_settle(fixture, "a", "10.0.0.7", "22,80");
    tag(fixture, "10.0.0.5", "inventory", "app", "shop");
    tag(fixture, "10.0.0.5", "configuration", "app", "shop");
    tag(fixture, "10.0.0.6", "inventory", "app", "shop");
    tag(fixture, "10.0.0.6", "inventory", "name", "alone");
    score_by_groups(fixture);
    assert_string_equal(fixture_text(fixture, LIVING_GROUPS), "app=shop low shop");
    assert_int_equal(fixture_int(fixture, "SELECT round(exposure) FROM score WHERE subject = 'app=shop'"), 18);
    assert_int_equal(fixture_int(fixture, "SELECT round(exposure) FROM score WHERE subject = 'shop'"), 18);
    assert_int_equal(fixture_int(fixture, "SELECT round(exposure) FROM score WHERE subject = 'low'"), 9);
    assert_int_equal(fixture_int(fixture, "SELECT round(exposure) FROM score WHERE scope = 'fleet'"), 27);
    assert_int_equal(fixture_int(fixture, "SELECT terms = (SELECT terms FROM score WHERE subject = 'shop') FROM score"
                                          " WHERE subject = 'app=shop'"),
                     1);
}

static void a_group_grows_with_change_and_ends(void **state)
{
    struct fixture *fixture = *state;

    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    scan_and_settle(fixture, "a", "10.0.0.6", "22,80");
    tag(fixture, "10.0.0.5", "inventory", "app", "shop");
    tag(fixture, "10.0.0.6", "inventory", "app", "shop");
    for (int i = 0; i < 3; i++) {
        fixture->now_ms += 1000;
        score_by_groups(fixture);
    }
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE scope = 'group'"), 3);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE scope = 'group' AND last_at > first_at"),
                     3);
    /* One host loses the tag: the policy's group is smaller, and the tag is no group any more. */
    run_sql(fixture, "UPDATE asset_tag SET valid_to = 2 WHERE id = 2");
    fixture->now_ms += 1000;
    score_by_groups(fixture);
    assert_string_equal(fixture_text(fixture, LIVING_GROUPS), "low shop");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE subject = 'shop'"), 2);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE subject = 'app=shop' AND ended_at > 0"), 1);
    /* It has it again: another row of the same history. */
    run_sql(fixture, "UPDATE asset_tag SET valid_to = NULL WHERE id = 2");
    fixture->now_ms += 1000;
    score_by_groups(fixture);
    assert_string_equal(fixture_text(fixture, LIVING_GROUPS), "app=shop low shop");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE subject = 'app=shop'"), 2);
}

static void a_host_that_ended_has_no_score(void **state)
{
    struct fixture *fixture = *state;

    scan_and_settle(fixture, "a", "10.0.0.5", "22,80");
    scan_and_settle(fixture, "a", "10.0.0.6", "22,80");
    score_by_groups(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE scope = 'host' AND ended_at IS NULL"), 2);
    run_sql(fixture, "UPDATE asset SET ended_at = 1, end_reason = 'x' WHERE id = 1");
    score_by_groups(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM score WHERE scope = 'host' AND ended_at IS NULL"), 1);
    assert_string_equal(fixture_text(fixture, LIVING_GROUPS), "");
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

static const char *scored(struct fixture *fixture)
{
    return fixture_text(fixture, "SELECT group_concat(i.value, ' ') FROM (SELECT * FROM asset_identity WHERE kind ="
                                 " 'address' ORDER BY id) i JOIN asset a ON a.id = i.asset_id JOIN score s ON s.subject"
                                 " = a.uuid AND s.ended_at IS NULL");
}

/* Scans that were judged when the program ended are scored with the next, whatever that one looked at. */
static void what_was_judged_and_not_scored_is_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    struct scoring_options options = {.max_age_ms = INT64_C(86400000), .now_ms = 1};

    options.policy_id = scan_and_settle(fixture, "site", "10.0.0.5", "22,80");
    options.now_ms = fixture->now_ms;
    options.since_ms = fixture->now_ms;
    assert_int_equal(scoring_catch_up(fixture->store, &options), 0);
    assert_string_equal(scored(fixture), "10.0.0.5");
    assert_int_equal(scoring_catch_up(fixture->store, &options), 0);
    assert_string_equal(fixture_text(fixture, "SELECT count(*) FROM score"), "3");
    /* Two more, of which neither was scored; the third's scores are to be of itself alone. */
    (void)scan_and_settle(fixture, "site", "10.0.0.6", "22,80");
    (void)scan_and_settle(fixture, "site", "10.0.0.7", "22,80");
    options.now_ms = fixture->now_ms + 1000;
    options.since_ms = fixture->now_ms + 1000;
    assert_int_equal(scoring_update(fixture->store, &options), 0);
    assert_string_equal(scored(fixture), "10.0.0.5 10.0.0.6 10.0.0.7");
    /* And where somebody decides about a finding of another host. */
    (void)scan_and_settle(fixture, "site", "10.0.0.8", "22,80");
    options.now_ms = fixture->now_ms + 2000;
    assert_int_equal(scoring_changed(fixture->store, options.now_ms, options.max_age_ms), 0);
    assert_string_equal(scored(fixture), "10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(gives_what_counts),
        WITH_STORE(what_was_judged_and_not_scored_is_made_up_for),
        WITH_STORE(coverage_is_a_share_of_ports),
        WITH_STORE(groups_have_scores),
        WITH_STORE(a_group_grows_with_change_and_ends),
        WITH_STORE(a_host_that_ended_has_no_score),
        WITH_STORE(a_score_that_stays_is_one_row),
    };
    return cmocka_run_group_tests_name("store_score", tests, NULL, NULL);
}
