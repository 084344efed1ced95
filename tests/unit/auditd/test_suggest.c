/* What is drafted from random databases loads without a warning, and once it is applied nothing that is open is a
 * finding but what the draft struck out. */
#include "tests/unit/auditd/fixture.h"

#include "auditd/config/config.h"
#include "auditd/finding/rejudge.h"
#include "auditd/finding/settle.h"
#include "auditd/labels.h"
#include "auditd/policy/lint.h"
#include "auditd/policy/policy.h"
#include "auditd/store/scan.h"
#include "auditd/suggest.h"
#include "tests/unit/seed.h"

enum { HOSTS = 12, PORTS = 7, PORT_TELNET = 23 };

static const uint16_t ports[PORTS] = {22, 23, 80, 443, 5432, 8080, 50000};
static const char *const services[] = {
    "",           "http", "ssh",
    "postgresql", "x-y",  "a-service-whose-name-is-longer-than-what-a-rule-of-a-policy-takes-by-a-word"};
static uint64_t source;

/* Tags that people have, and some that YAML, globs or names could stumble over. */
static const char *const tags[] = {
    "",
    ", tags: {app: shop, tier: db}",
    ", tags: {app: shop, tier: web}",
    ", tags: {app: 'a*b?[c]\\d', n: 7}",
    ", tags: {app: hosts, n: 1}",
    ", tags: {app: 'any'}",
    ", tags: {app: \"\\\"{'#: \", 'k: {': x}",
    ", tags: {app: 'an-application-with-a-name-that-has-no-end-in-sight-and-goes-on'}",
};

static void label(struct fixture *fixture)
{
    char text[4096] = "version: 1\nrealm: site\ntargets:\n";
    struct problems problems;
    struct config config;

    for (int host = 1; host <= HOSTS; host++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "- {target: 10.0.0.%d%s}\n", host,
                 tags[seed_draw(&source, sizeof(tags) / sizeof(*tags))]);
    }
    problems_init(&problems);
    if (config_parse(text, strlen(text), NULL, &problems, &config) != 0) {
        problems_print(&problems, "config", stderr);
        fail_msg("the configuration must load");
    }
    assert_true(labels_apply(fixture->store, &config, fixture->now_ms) >= 0);
    config_done(&config);
}

static void judge(struct fixture *fixture, const struct policy *policy)
{
    const struct store_policy row = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result;

    options.policy = policy;
    options.now_ms = fixture->now_ms += 10;
    assert_int_equal(store_policy_put(fixture->store, &row, fixture->now_ms, &options.policy_id), 0);
    assert_int_equal(rejudge_run(fixture->store, &options, &result), 0);
}

static void scan(struct fixture *fixture, const struct policy *policy, const char *realm, const char *vantage)
{
    const struct store_policy row = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    const struct fixture_plan plan = {realm, vantage, "[\"10.0.0.0/24\"]", "1-65535", "", 1, 0};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    fixture_start(fixture, &plan);
    for (int host = 1; host <= HOSTS; host++) {
        char address[32];
        snprintf(address, sizeof(address), "10.0.0.%d", host);
        for (size_t i = 0; i < PORTS; i++) {
            const char *service = services[seed_draw(&source, sizeof(services) / sizeof(*services))];
            if (seed_draw(&source, 3) == 0) {
                continue;
            }
            fixture_port(fixture, address, ports[i], "open", "syn-ack");
            if (service[0] != '\0' && ports[i] != PORT_TELNET) {
                fixture_line(fixture, "service",
                             "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%u,\"facts\":{\"service\":\"%s\"},"
                             "\"evidence\":[]",
                             address, ports[i], service);
            }
        }
        fixture_host(fixture, address, true);
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    label(fixture);
    options.policy = policy;
    options.now_ms = fixture->now_ms += 10;
    assert_int_equal(store_policy_put(fixture->store, &row, fixture->now_ms, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
}

static char *draft(struct fixture *fixture, const struct policy *policy, struct suggested *ret_suggested)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_int_equal(suggest_write(fixture->store, policy, fixture->now_ms, out, ret_suggested), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Loads without an error; without more warnings than that many. */
static struct policy *load(const char *text, uint64_t warnings)
{
    struct problems problems;
    struct policy *policy = NULL;

    problems_init(&problems);
    if (policy_parse(text, strlen(text), "draft", &problems, &policy) != 0 ||
        lint_rules(policy_rules(policy), 1700000000000, &problems) != 0 || problems.warning_count > warnings) {
        problems_print(&problems, "draft", stderr);
        fail_msg("the draft is not good:\n%s", text);
    }
    return policy;
}

/* Rules that are struck out become rules: "  # - {" is "    - {", in a block of as many blanks. */
static void take_struck(char *text)
{
    for (char *at = strstr(text, "  # - {"); at != NULL; at = strstr(at, "  # - {")) {
        memmove(at + 2, at + 4, strlen(at + 4) + 1);
    }
}

static void nothing_is_left(struct fixture *fixture, const char *text, const char *but)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce(group_concat(DISTINCT port || ' ' || rule_id || ' ' || need_kind), '') FROM finding"
             " WHERE kind = 'exposure' AND presence IN ('NEW', 'OPEN', 'REAPPEARED') AND NOT (%s)",
             but);
    if (strcmp(fixture_text(fixture, sql), "") != 0) {
        fail_msg("%s is left of:\n%s", fixture_text(fixture, sql), text);
    }
}

static void what_is_drafted_is_good_and_enough(void **state)
{
    static const char *const vantages[] = {"inside", "by-vpn", "peered", "far"};
    uint64_t rounds = seed_repeats(8);

    source = seed_first();
    for (uint64_t round = 0; round < rounds; round++) {
        struct policy *builtin = policy_create_builtin();
        struct suggested suggested;
        struct fixture *fixture;
        struct policy *policy;
        char *text;

        seed_at_hand = source;
        fixture_setup(state);
        fixture = *state;
        assert_int_equal(store_vantage_declare(fixture->store, "by-vpn", "vpn", 1), 0);
        assert_int_equal(store_vantage_declare(fixture->store, "peered", "peer", 1), 0);
        assert_int_equal(store_vantage_declare(fixture->store, "far", "world", 1), 0);
        for (int i = 1 + seed_draw(&source, 3); i > 0; i--) {
            scan(fixture, builtin, seed_draw(&source, 4) == 0 ? "other" : "site", vantages[seed_draw(&source, 4)]);
        }
        text = draft(fixture, builtin, &suggested);
        assert_true(suggested.hosts > 0 && suggested.rules > 0 && suggested.struck > 0);
        assert_int_equal(suggested.left_out, 0);
        policy = load(text, 0);
        judge(fixture, policy);
        /* What the world reaches, and what the baseline always forbids, is struck out. */
        nothing_is_left(fixture, text,
                        "rule_id LIKE 'baseline/%' AND (breadth_class IN ('world', 'public-range') OR port = 23)");
        policy_destroy(policy);
        take_struck(text);
        policy = load(text, suggested.struck);
        judge(fixture, policy);
        nothing_is_left(fixture, text, "rule_id = 'baseline/telnet'");
        free(text);
        policy_destroy(policy);
        policy_destroy(builtin);
        fixture_teardown(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_drafted_is_good_and_enough)};

    return cmocka_run_group_tests(tests, NULL, seed_say);
}
