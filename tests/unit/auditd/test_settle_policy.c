/* What a policy's groups and sources come to once scans from several places are judged: tags, vantages inside and
 * outside, what is unverified and unproven. */
#include "tests/unit/auditd/fixture.h"

#include "auditd/config/config.h"
#include "auditd/finding/rejudge.h"
#include "auditd/finding/settle.h"
#include "auditd/labels.h"
#include "auditd/policy/policy.h"
#include "auditd/store/scan.h"
#include "tests/unit/seed.h"

static const char SHOP[] =
    "version: 1\n"
    "groups:\n"
    "  app: {tags: {app: shop, tier: app}}\n"
    "  db: {tags: {app: shop, tier: db}}\n"
    "defaults: {owner: shop-team}\n"
    "allow:\n"
    "  - {id: app-db, to: db, ports: 5432, from: app, why: orders}\n"
    "  - {id: https, to: any, ports: 443, from: own-vpc, when: {tls.version: '>=1.2'}, why: w}\n";

static const char CONFIG[] = "version: 1\n"
                             "realm: site\n"
                             "vantage: {name: inside, address: 10.0.0.77, tags: {app: shop, tier: app}}\n"
                             "targets:\n"
                             "- 10.9.0.0/24\n"
                             "- {target: 10.0.0.0/24, tags: {app: shop, tier: app}}\n"
                             "- {target: 10.0.0.5, tags: {tier: db, rack: 7}, name: db-1}\n";

struct shop {
    struct fixture *fixture;
    struct policy *policy;
    struct config config;
};

static void parse_config(const char *text, struct config *config)
{
    struct problems problems;

    problems_init(&problems);
    if (config_parse(text, strlen(text), NULL, &problems, config) != 0) {
        problems_print(&problems, "config", stderr);
        fail_msg("the configuration must load");
    }
}

static int setup(void **state)
{
    struct shop *shop = calloc(1, sizeof(*shop));
    struct problems problems;
    void *fixture;

    fixture_setup(&fixture);
    shop->fixture = fixture;
    problems_init(&problems);
    assert_int_equal(policy_parse(SHOP, strlen(SHOP), "shop", &problems, &shop->policy), 0);
    parse_config(CONFIG, &shop->config);
    *state = shop;
    return 0;
}

static int teardown(void **state)
{
    struct shop *shop = *state;
    void *fixture = shop->fixture;

    fixture_teardown(&fixture);
    policy_destroy(shop->policy);
    config_done(&shop->config);
    free(shop);
    return 0;
}

static void settle(struct shop *shop)
{
    const struct store_policy policy = {policy_hash(shop->policy), "shop", SHOP, 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;
    struct fixture *fixture = shop->fixture;

    fixture->now_ms += 10;
    options.policy = shop->policy;
    options.now_ms = fixture->now_ms;
    assert_int_equal(store_policy_put(fixture->store, &policy, fixture->now_ms, &options.policy_id), 0);
    assert_true(labels_apply(fixture->store, &shop->config, fixture->now_ms) >= 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
}

static void scan_port(struct shop *shop, const char *vantage, uint16_t port, const char *state)
{
    struct fixture *fixture = shop->fixture;
    const struct fixture_plan plan = {"site", vantage, "[\"10.0.0.0/24\"]", "443,5432", "", 1, 0};

    fixture_start(fixture, &plan);
    if (state != NULL) {
        fixture_port(fixture, "10.0.0.5", port, state, strcmp(state, "open") == 0 ? "syn-ack" : "conn-refused");
    }
    fixture_host(fixture, "10.0.0.5", true);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(shop);
}

static void expect(struct shop *shop, uint16_t port, const char *expected)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce((SELECT rule_id || ' ' || need_kind || ' ' || presence || ' ' || owner FROM finding"
             " WHERE kind = 'exposure' AND port = %u), 'none')",
             port);
    assert_string_equal(fixture_text(shop->fixture, sql), expected);
}

static void stand(struct shop *shop, const char *vantage, const char *stands)
{
    assert_int_equal(store_vantage_stands(shop->fixture->store, vantage, stands, 1), 0);
}

/* The narrowest target decides each key; what is no longer said is no longer so. */
static void tags_come_from_the_configuration(void **state)
{
    static const char sql[] = "SELECT group_concat(key || '=' || value, ' ') FROM (SELECT key, value FROM asset_tag"
                              " WHERE valid_to IS NULL ORDER BY key)";
    struct shop *shop = *state;
    struct fixture *fixture = shop->fixture;

    scan_port(shop, "inside", 5432, "open");
    assert_string_equal(fixture_text(fixture, sql), "app=shop rack=7 tier=db");
    assert_string_equal(fixture_text(fixture, "SELECT value FROM asset_identity WHERE kind = 'name'"), "db-1");
    config_done(&shop->config);
    parse_config("version: 1\nrealm: site\ntargets: [{target: DB-1, tags: {rack: 8}}]\n", &shop->config);
    assert_int_equal(labels_apply(fixture->store, &shop->config, fixture->now_ms), 1);
    assert_int_equal(labels_apply(fixture->store, &shop->config, fixture->now_ms), 0);
    assert_string_equal(fixture_text(fixture, sql), "rack=8");
    assert_string_equal(fixture_text(fixture, "SELECT count(*) FROM asset_tag WHERE valid_to IS NOT NULL"), "3");
    config_done(&shop->config);
    /* Defaults that nobody wrote say nothing of tags. */
    assert_int_equal(config_init_default(&shop->config), 0);
    assert_int_equal(labels_apply(fixture->store, &shop->config, fixture->now_ms), 0);
    assert_string_equal(fixture_text(fixture, sql), "rack=8");
}

static void a_group_is_proven_by_one_inside_and_one_outside(void **state)
{
    struct shop *shop = *state;

    /* Nobody knows where "inside" stands. */
    scan_port(shop, "inside", 5432, "open");
    expect(shop, 5432, "user/app-db unverified NEW shop-team");
    /* It stands among the applications; nobody else has looked. */
    assert_int_equal(labels_stand(shop->fixture->store, &shop->config, shop->config.vantage, 1), 0);
    scan_port(shop, "inside", 5432, "open");
    expect(shop, 5432, "user/app-db unverified OPEN shop-team");
    /* One outside looks, and finds nothing. */
    stand(shop, "outside", "{\"addresses\":[\"10.0.9.9\"],\"tags\":{\"tier\":\"edge\"}}");
    scan_port(shop, "outside", 5432, NULL);
    scan_port(shop, "inside", 5432, "open");
    expect(shop, 5432, "user/app-db unverified ALLOWED shop-team");
    /* It is opened to those outside, too. */
    scan_port(shop, "outside", 5432, "open");
    expect(shop, 5432, "baseline/postgresql forbidden OPEN shop-team");
}

static void one_outside_that_finds_it_open_is_enough(void **state)
{
    struct shop *shop = *state;

    stand(shop, "outside", "{\"tags\":{\"tier\":\"edge\"}}");
    scan_port(shop, "outside", 5432, "open");
    expect(shop, 5432, "baseline/postgresql forbidden NEW shop-team");
    assert_string_equal(fixture_text(shop->fixture, "SELECT controls FROM finding WHERE port = 5432"),
                        "nist-800-53-r5:CM-7 pci-dss-4.0.1:1.2.5");
}

/* A look from outside that is too old proves nothing. */
static void old_looks_prove_nothing(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(labels_stand(shop->fixture->store, &shop->config, shop->config.vantage, 1), 0);
    stand(shop, "outside", "{\"tags\":{\"tier\":\"edge\"}}");
    scan_port(shop, "outside", 5432, NULL);
    shop->fixture->now_ms += INT64_C(8) * 24 * 3600 * 1000;
    scan_port(shop, "inside", 5432, "open");
    expect(shop, 5432, "user/app-db unverified NEW shop-team");
}

static void unknown_facts_leave_it_unproven(void **state)
{
    struct shop *shop = *state;

    scan_port(shop, "inside", 443, "open");
    expect(shop, 443, "user/https unproven NEW shop-team");
}

static struct policy *parse_policy(const char *text)
{
    struct problems problems;
    struct policy *policy = NULL;

    problems_init(&problems);
    if (policy_parse(text, strlen(text), "other", &problems, &policy) != 0) {
        problems_print(&problems, "policy", stderr);
        fail_msg("the policy must load");
    }
    return policy;
}

static void count_change(void *context, const struct rejudge_change *change)
{
    assert_true(change->kind != NULL && change->title != NULL);
    assert_string_equal(change->realm, "site");
    assert_non_null(strstr(change->address, "10.0.0."));
    ++*(int *)context;
}

/* `put_off_from` as the options have it. */
static struct rejudge_result rejudge_from(struct shop *shop, const struct policy *policy, bool dry_run,
                                          size_t put_off_from)
{
    const struct store_policy row = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result;
    struct fixture *fixture = shop->fixture;
    int changes = 0;
    int rc;

    fixture->now_ms += 10;
    options.policy = policy;
    options.now_ms = fixture->now_ms;
    options.dry_run = dry_run;
    options.put_off_from = put_off_from;
    options.on_change = dry_run ? count_change : NULL;
    options.context = &changes;
    if (!dry_run) {
        assert_int_equal(store_policy_put(fixture->store, &row, fixture->now_ms, &options.policy_id), 0);
    }
    rc = rejudge_run(fixture->store, &options, &result);
    if (rc < 0) {
        fail_msg("rejudge_run: %d %s", rc, store_last_error(fixture->store)->text);
    }
    assert_true(!dry_run || (uint64_t)changes == result.opened + result.allowed + result.altered);
    return result;
}

static struct rejudge_result rejudge(struct shop *shop, const struct policy *policy, bool dry_run)
{
    return rejudge_from(shop, policy, dry_run, rejudge_options_default().put_off_from);
}

/* What judging anew comes to is what the next scan would have come to, and it is written once. */
static void a_change_of_policy_judges_anew(void **state)
{
    static const char *const count = "SELECT count(*) FROM finding_event";
    struct shop *shop = *state;
    struct fixture *fixture = shop->fixture;
    struct policy *allows = parse_policy("version: 1\nallow: [{id: all, to: any, ports: any, from: any, why: w}]\n");
    struct policy *forbids = parse_policy("version: 1\ndefaults: {owner: other}\n"
                                          "forbid: [{id: none, to: any, ports: any, severity: critical}]\n");
    struct rejudge_result result;
    char *events;

    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 443, "open");
    expect(shop, 443, "user/https unproven OPEN shop-team");
    result = rejudge(shop, shop->policy, false);
    assert_int_equal(result.endpoints, 1);
    assert_int_equal(result.ports, 0);
    events = strdup(fixture_text(fixture, count));
    /* Shown first, and nothing written. */
    result = rejudge(shop, forbids, true);
    assert_int_equal(result.altered, 1);
    assert_string_equal(fixture_text(fixture, count), events);
    assert_string_equal(fixture_text(fixture, "SELECT count(*) FROM policy"), "1");
    free(events);
    result = rejudge(shop, forbids, false);
    assert_int_equal(result.altered, 1);
    expect(shop, 443, "user/none forbidden OPEN other");
    assert_string_equal(fixture_text(fixture, "SELECT p.name FROM finding f JOIN policy p ON p.id = f.policy_id"),
                        "other");
    assert_int_equal(rejudge(shop, forbids, false).ports, 0);
    result = rejudge(shop, allows, false);
    assert_int_equal(result.allowed, 1);
    expect(shop, 443, "user/none forbidden ALLOWED other");
    assert_int_equal(rejudge(shop, allows, false).ports, 0);
    result = rejudge(shop, shop->policy, false);
    assert_int_equal(result.opened, 1);
    expect(shop, 443, "user/https unproven OPEN shop-team");
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(changed, ' ') FROM judgement"), "0 1 0 1 0 1");
    /* The next scan has nothing to add. */
    events = strdup(fixture_text(fixture, count));
    scan_port(shop, "inside", 443, "open");
    assert_string_equal(fixture_text(fixture, count), events);
    free(events);
    policy_destroy(allows);
    policy_destroy(forbids);
}

/* Very many: the indices are built anew after the rows, as they were, and nothing that is read differs. */
static void what_is_altered_in_bulk_stands_in_every_index(void **state)
{
    static const char *const schema = "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
    static const char *const events =
        "SELECT group_concat(finding_id || what || ':' || was || '>' || became, ' ') FROM (SELECT * FROM finding_event"
        " WHERE what <> 'presence' AND what <> 'sight' ORDER BY finding_id, id)";
    struct shop *shop = *state;
    struct fixture *fixture = shop->fixture;
    struct policy *owned = parse_policy("version: 1\ndefaults: {owner: other}\n");
    struct policy *forbids = parse_policy("version: 1\ndefaults: {owner: other}\n"
                                          "forbid: [{id: none, to: any, ports: any, severity: critical}]\n");
    char *before = strdup(fixture_text(fixture, schema));

    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 5432, "open");
    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 5432, "open");
    assert_int_equal(rejudge_from(shop, owned, false, 0).altered, 2);
    expect(shop, 443, "default unknown OPEN other");
    /* Also those by which lists are sorted and counted. */
    assert_int_equal(rejudge_from(shop, forbids, false, 0).altered, 2);
    expect(shop, 443, "user/none forbidden OPEN other");
    expect(shop, 5432, "user/none forbidden OPEN other");
    assert_string_equal(fixture_text(fixture, schema), before);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(integrity_check) FROM pragma_integrity_check"),
                        "ok");
    assert_string_equal(fixture_text(fixture, events),
                        "1rule:user/https>default 1need:unproven>unknown 1owner:shop-team>other"
                        " 1severity:low>critical 1rule:default>user/none 1need:unknown>forbidden"
                        " 2severity:low>medium 2rule:user/app-db>baseline/postgresql 2need:unverified>forbidden"
                        " 2owner:shop-team>other 2severity:medium>critical 2rule:baseline/postgresql>user/none");
    free(before);
    policy_destroy(owned);
    policy_destroy(forbids);
}

/* What was allowed from the start has no finding; it gets one, as old as what was seen. */
static void a_stricter_policy_finds_what_was_allowed(void **state)
{
    struct shop *shop = *state;
    struct policy *lax = parse_policy("version: 1\nallow: [{id: all, to: any, ports: any, from: any, why: w}]\n");
    struct policy *strict = shop->policy;
    struct policy *builtin = policy_create_builtin();

    shop->policy = lax;
    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 443, "open");
    expect(shop, 443, "none");
    shop->policy = strict;
    assert_int_equal(rejudge(shop, builtin, false).opened, 1);
    expect(shop, 443, "default unknown OPEN ");
    assert_string_equal(fixture_text(shop->fixture, "SELECT count(*) FROM finding_vantage WHERE until IS NULL"), "1");
    assert_string_equal(
        fixture_text(shop->fixture, "SELECT f.last_seen = max(s.last_seen) FROM finding f, endpoint_state s"), "1");
    policy_destroy(lax);
    policy_destroy(builtin);
}

/* A port that is being verified waits for its scan; one that is retired is let be. */
static void what_is_not_open_waits(void **state)
{
    struct shop *shop = *state;
    struct policy *builtin = policy_create_builtin();

    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 443, "closed");
    expect(shop, 443, "user/https unproven VERIFYING shop-team");
    assert_int_equal(rejudge(shop, builtin, false).ports, 0);
    scan_port(shop, "inside", 443, "open");
    assert_int_equal(store_run(shop->fixture->store, "UPDATE finding SET sight = 'RETIRED'", ""), 0);
    assert_int_equal(rejudge(shop, builtin, false).ports, 0);
    policy_destroy(builtin);
}

/* Of a host that could not be looked at, the policy is asked by what was seen last: what it allows is no finding, and
 * what it does not is one again; that nobody could look stays said. */
static void what_could_not_be_looked_at_is_judged_anew(void **state)
{
    static const char sql[] = "SELECT presence || ' ' || sight || ' ' || disposition FROM finding WHERE port = 443";
    struct shop *shop = *state;
    struct fixture *fixture = shop->fixture;
    const struct fixture_plan plan = {"site", "inside", "[\"10.0.0.0/24\"]", "443,5432", "", 1, 0};
    struct policy *allows = parse_policy("version: 1\nallow: [{id: all, to: any, ports: any, from: any, why: w}]\n");
    struct rejudge_result result;

    scan_port(shop, "inside", 443, "open");
    scan_port(shop, "inside", 443, "open");
    fixture_start(fixture, &plan);
    fixture_host(fixture, "10.0.0.5", false);
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(shop);
    assert_string_equal(fixture_text(fixture, sql), "OPEN STALE NONE");
    assert_int_equal(rejudge(shop, allows, true).allowed, 1);
    assert_string_equal(fixture_text(fixture, sql), "OPEN STALE NONE");
    result = rejudge(shop, allows, false);
    assert_int_equal(result.allowed, 1);
    assert_string_equal(fixture_text(fixture, sql), "ALLOWED STALE NONE");
    assert_int_equal(rejudge(shop, allows, false).ports, 0);
    assert_int_equal(rejudge(shop, shop->policy, false).opened, 1);
    assert_string_equal(fixture_text(fixture, sql), "OPEN STALE NONE");
    policy_destroy(allows);
}

/* ---- scans and judging anew come to the same ---- */

static uint64_t drawn;

/* xorshift64* */
static unsigned draw(unsigned below)
{
    drawn ^= drawn >> 12;
    drawn ^= drawn << 25;
    drawn ^= drawn >> 27;
    return (unsigned)((drawn * UINT64_C(2685821657736338717)) >> 33) % below;
}

static const char *const RANDOM_POLICIES[] = {
    SHOP,
    "version: 1\n",
    "version: 1\nallow: [{id: all, to: any, ports: any, from: [own-vpc, vpn], why: w}]\n",
    "version: 1\ngroups: {app: {tags: {tier: app}}, low: {cidr: 10.0.0.0/30}}\ndefaults: {owner: o}\n"
    "allow:\n- {id: a, to: low, ports: 443, from: app, why: w}\n- {id: b, to: {not: low}, ports: [443, 5432], service: "
    "http, from: any, when: {tls: true}, why: w}\n"
    "forbid: [{id: f, to: app, ports: 5432, from: [vpn, low], severity: critical}]\n",
};

static void scan_randomly_from(struct shop *shop, const char *vantage)
{
    static const uint16_t ports[] = {22, 443, 5432};
    struct fixture *fixture = shop->fixture;
    const struct fixture_plan plan = {"site", vantage, "[\"10.0.0.0/24\"]", "22,443,5432", "", 1, 0};

    fixture_start(fixture, &plan);
    for (unsigned host = 1; host <= 5; host++) {
        char address[32];
        snprintf(address, sizeof(address), "10.0.0.%u", host);
        for (size_t i = 0; i < 3; i++) {
            bool open = draw(10) < 6;
            if (open || draw(2) == 0) {
                fixture_port(fixture, address, ports[i], open ? "open" : "closed", open ? "syn-ack" : "conn-refused");
            }
            if (open && draw(2) == 0) {
                fixture_line(fixture, "service",
                             "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%u,\"facts\":{\"service\":\"%s\",\"tls\":%s},"
                             "\"evidence\":[]",
                             address, ports[i], draw(2) == 0 ? "http" : "postgresql", draw(2) == 0 ? "true" : "false");
            }
        }
        fixture_host(fixture, address, true);
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    settle(shop);
}

static void scan_randomly(struct shop *shop)
{
    static const char *const vantages[] = {"inside", "outside", "by-vpn", "nowhere"};

    scan_randomly_from(shop, vantages[draw(4)]);
}

/* Several vantages: each scan may prove or disprove what stands of ports that others look at. Once everything is judged
 * anew nothing is left to change, and so after another policy and back. */
static void scans_and_judging_anew_agree(void **state)
{
    uint64_t rounds = seed_repeats(12);

    drawn = seed_first();
    for (uint64_t round = 0; round < rounds; round++) {
        struct shop *shop;
        struct policy *other;
        struct rejudge_result result;
        seed_at_hand = drawn = drawn | 1;
        setup(state);
        shop = *state;
        policy_destroy(shop->policy);
        shop->policy = parse_policy(RANDOM_POLICIES[draw(4)]);
        other = parse_policy(RANDOM_POLICIES[draw(4)]);
        stand(shop, "inside", "{\"addresses\":[\"10.0.0.77\"],\"tags\":{\"tier\":\"app\",\"app\":\"shop\"}}");
        stand(shop, "outside", "{\"addresses\":[\"10.0.0.2\"],\"tags\":{\"tier\":\"edge\"}}");
        assert_int_equal(store_vantage_declare(shop->fixture->store, "by-vpn", "vpn", 1), 0);
        for (unsigned i = 2 + draw(8); i > 0; i--) {
            scan_randomly(shop);
        }
        rejudge(shop, shop->policy, false);
        result = rejudge(shop, shop->policy, true);
        assert_int_equal(result.opened + result.allowed + result.altered, 0);
        rejudge(shop, other, false);
        result = rejudge(shop, other, true);
        assert_int_equal(result.opened + result.allowed + result.altered, 0);
        rejudge(shop, shop->policy, false);
        result = rejudge(shop, shop->policy, true);
        assert_int_equal(result.opened + result.allowed + result.altered, 0);
        policy_destroy(other);
        teardown(state);
    }
}

/* One vantage alone: what a scan judged, judging anew has nothing to add to. */
static void judging_anew_adds_nothing_to_a_scan(void **state)
{
    uint64_t rounds = seed_repeats(12);

    drawn = seed_first();
    for (uint64_t round = 0; round < rounds; round++) {
        struct shop *shop;
        struct rejudge_result result;
        seed_at_hand = drawn = drawn | 1;
        setup(state);
        shop = *state;
        policy_destroy(shop->policy);
        shop->policy = parse_policy(RANDOM_POLICIES[draw(4)]);
        assert_int_equal(labels_stand(shop->fixture->store, &shop->config, "inside", 1), 0);
        for (unsigned i = 1 + draw(6); i > 0; i--) {
            scan_randomly_from(shop, "inside");
            result = rejudge(shop, shop->policy, true);
            assert_int_equal(result.opened + result.allowed + result.altered, 0);
        }
        teardown(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tags_come_from_the_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_is_proven_by_one_inside_and_one_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(one_outside_that_finds_it_open_is_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(old_looks_prove_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_facts_leave_it_unproven, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_of_policy_judges_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_altered_in_bulk_stands_in_every_index, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stricter_policy_finds_what_was_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_open_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_could_not_be_looked_at_is_judged_anew, setup, teardown),
        cmocka_unit_test(scans_and_judging_anew_agree),
        cmocka_unit_test(judging_anew_adds_nothing_to_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, seed_say);
}
