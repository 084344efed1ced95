/* What answers decides, by a real policy and through the real store: conditions of rules, and who stands before whom.
 */
#include "tests/unit/auditd/fixture.h"

#include "auditd/finding/rejudge.h"
#include "auditd/finding/settle.h"
#include "auditd/policy/policy.h"
#include "auditd/store/scan.h"

#include <errno.h>

struct seen {
    const char *host; /* NULL: the end */
    int port;
    const char *facts; /* JSON members; NULL: not asked */
};

static enum vantage_class from_the_world(void *context, const struct settle_place *place)
{
    (void)context;
    (void)place;
    return VANTAGE_WORLD;
}

static struct policy *load(const char *text)
{
    struct problems problems;
    struct policy *policy = NULL;

    if (text == NULL) {
        return policy_create_builtin();
    }
    problems_init(&problems);
    if (policy_parse(text, strlen(text), "test", &problems, &policy) != 0) {
        problems_print(&problems, "test", stderr);
        fail_msg("the policy must load");
    }
    return policy;
}

static void judge(struct fixture *fixture, const struct policy *policy)
{
    const struct store_policy stored = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    struct settle_options options = settle_options_default();
    struct settle_result result;

    options.policy = policy;
    options.now_ms = fixture->now_ms;
    options.classify = from_the_world;
    assert_int_equal(store_policy_put(fixture->store, &stored, fixture->now_ms, &options.policy_id), 0);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
}

/* One complete scan that saw just that, judged by the policy (NULL: the built-in one). */
static void audit_realm(struct fixture *fixture, const char *realm, const char *policy_text, const struct seen *seen)
{
    const struct fixture_plan plan = {realm, "here", "[\"10.0.0.0/24\"]", "1-9999", "", 1, 0};
    struct policy *policy = load(policy_text);

    assert_non_null(policy);
    fixture_start(fixture, &plan);
    for (size_t i = 0; seen[i].host != NULL; i++) {
        fixture_port(fixture, seen[i].host, seen[i].port, "open", "syn-ack");
        if (seen[i].facts != NULL) {
            fixture_line(fixture, "service",
                         "\"host\":\"%s\",\"proto\":\"tcp\",\"port\":%d,\"facts\":{%s},\"evidence\":[]", seen[i].host,
                         seen[i].port, seen[i].facts);
        }
        if (seen[i + 1].host == NULL || strcmp(seen[i].host, seen[i + 1].host) != 0) {
            fixture_host(fixture, seen[i].host, true);
        }
    }
    fixture_slab(fixture, 0, 1);
    fixture_end(fixture, true);
    judge(fixture, policy);
    policy_destroy(policy);
}

static void audit(struct fixture *fixture, const char *policy_text, const struct seen *seen)
{
    audit_realm(fixture, "site", policy_text, seen);
}

/* ---- conditions ---- */

#define ALLOW "version: 1\nallow:\n- {id: r, to: any, ports: 7000, from: any, why: w, when: "
#define FORBID "version: 1\nforbid:\n- {id: r, to: any, ports: 7000, when: "

/* The rule of the exposure's finding at 7000, "-" where there is none. */
static const char *decided_by(struct fixture *fixture)
{
    return fixture_text(fixture, "SELECT rule_id FROM finding WHERE port = 7000 AND kind = 'exposure'"
                                 " AND presence IN ('NEW', 'OPEN', 'REAPPEARED')");
}

/* Times are those of the fixture: its scans are in November 2023. */
static void conditions_decide_by_what_is_stored(void **state)
{
    static const struct {
        const char *policy;
        const char *facts;
        const char *rule; /* of the finding */
    } cases[] = {
        {FORBID "{service: redis}}\n", "\"service\":\"redis\"", "user/r"},
        {FORBID "{service: redis}}\n", "\"service\":\"ssh\"", "baseline/ssh"},
        {FORBID "{service: redis}}\n", "\"behaviour\":\"silent\"", "default"},
        {FORBID "{service: redis}}\n", NULL, "default"},
        {ALLOW "{service: redis}}\n", "\"service\":\"redis\"", "-"},
        {ALLOW "{service: redis}}\n", "\"service\":\"ssh\"", "baseline/ssh"},
        /* Whoever answers strangers is beyond what a rule may allow. */
        {FORBID "{auth: none}}\n", "\"service\":\"mqtt\",\"auth\":\"required\"", "default"},
        {ALLOW "{auth: none}}\n", "\"service\":\"mqtt\",\"auth\":\"none\",\"door\":\"CONNECT\"", "baseline/open-door"},
        {ALLOW "{auth: required}}\n", "\"service\":\"mqtt\",\"auth\":\"required\"", "-"},
        /* Unproven: listed under the rule that would allow it. */
        {ALLOW "{auth: required}}\n", "\"service\":\"mqtt\"", "user/r"},
        {FORBID "{tls.version: '<1.2'}}\n", "\"service\":\"http\",\"tls\":true,\"tls.version\":\"1.0\"", "user/r"},
        {FORBID "{tls.version: '<1.2'}}\n", "\"service\":\"http\",\"tls\":true,\"tls.version\":\"1.2\"", "default"},
        {FORBID "{tls.version: '<1.2'}}\n", "\"service\":\"http\",\"tls\":true", "default"},
        {FORBID "{cert.days_left: '<30'}}\n", "\"service\":\"imap\",\"cert.not_after\":\"2023-12-01T00:00:00Z\"",
         "user/r"},
        {FORBID "{cert.days_left: '<30'}}\n", "\"service\":\"imap\",\"cert.not_after\":\"2024-12-01T00:00:00Z\"",
         "default"},
        {FORBID "{cert.days_left: '<30'}}\n", "\"service\":\"imap\"", "default"},
        {FORBID "{redirects_to_https: false}}\n", "\"service\":\"http\",\"redirects_to_https\":false", "user/r"},
        {FORBID "{redirects_to_https: false}}\n", "\"service\":\"http\",\"redirects_to_https\":true", "-"},
        {FORBID "{redirects_to_https: false}}\n", "\"service\":\"ssh\"", "baseline/ssh"},
        {ALLOW "{service: http, redirects_to_https: true}}\n", "\"service\":\"http\",\"redirects_to_https\":false",
         "baseline/http"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct seen seen[] = {{"10.0.0.5", 7000, cases[i].facts}, {NULL, 0, NULL}};
        const char *rule;
        fixture_setup(state);
        audit(*state, cases[i].policy, seen);
        rule = decided_by(*state);
        if (strcmp(rule, cases[i].rule) != 0) {
            fail_msg("case %zu: %s instead of %s", i, rule, cases[i].rule);
        }
        fixture_teardown(state);
    }
}

/* Reports, the API and the page show what is stored: the fact that kept a rule from allowing it is in the words. */
static void the_fact_that_decided_is_named(void **state)
{
    static const char sql[] = "SELECT why FROM finding WHERE port = 7000 AND kind = 'exposure'";
    const struct seen old[] = {{"10.0.0.5", 7000, "\"service\":\"x-y\",\"tls\":true,\"tls.version\":\"1.0\""},
                               {NULL, 0, NULL}};
    const struct seen silent[] = {{"10.0.0.5", 7000, "\"service\":\"x-y\",\"tls\":true"}, {NULL, 0, NULL}};

    audit(*state, ALLOW "{tls.version: '>=1.2'}}\n", old);
    assert_non_null(strstr(fixture_text(*state, sql),
                           "The rule r does not allow this port: tls.version is 1.0, and must be >=1.2. Nothing"));
    audit(*state, ALLOW "{tls.version: '>=1.2'}}\n", silent);
    assert_non_null(strstr(fixture_text(*state, sql), "tls.version is not known, and must be >=1.2."));
}

/* A condition follows the fact from scan to scan. */
static void a_condition_is_asked_again_at_each_scan(void **state)
{
    static const struct seen old[] = {{"10.0.0.5", 7000, "\"service\":\"imap\",\"tls.version\":\"1.0\""},
                                      {NULL, 0, NULL}};
    static const struct seen new[] = {{"10.0.0.5", 7000, "\"service\":\"imap\",\"tls.version\":\"1.2\""},
                                      {NULL, 0, NULL}};
    static const struct seen unasked[] = {{"10.0.0.5", 7000, NULL}, {NULL, 0, NULL}};
    struct fixture *fixture = *state;
    const char *policy = ALLOW "{tls.version: '>=1.2'}}\n";

    audit(fixture, policy, old);
    assert_string_equal(decided_by(fixture), "default");
    audit(fixture, policy, new);
    assert_string_equal(decided_by(fixture), "-");
    /* Whoever does not ask learns nothing to the contrary. */
    audit(fixture, policy, unasked);
    assert_string_equal(decided_by(fixture), "-");
    audit(fixture, policy, old);
    assert_string_equal(decided_by(fixture), "default");
}

/* ---- the front ---- */

#define PAGE "\"http.status\":200,\"http.body_sha256\":\"aa\""
#define FRONT "\"service\":\"http\",\"tls\":true,\"http.server\":\"nginx\"," PAGE
#define BACK "\"service\":\"http\",\"http.server\":\"Kestrel\"," PAGE

/* "host:port severity" of each proxy-bypass that stands. */
static const char *bypasses(struct fixture *fixture)
{
    return fixture_text(
        fixture, "SELECT coalesce(group_concat(text, ' '), '') FROM (SELECT (SELECT value FROM asset_identity i WHERE"
                 " i.asset_id = f.asset_id AND i.kind = 'address') || ':' || f.port || ' ' || f.severity AS text FROM"
                 " finding f WHERE kind = 'proxy-bypass' AND presence IN ('NEW', 'OPEN', 'REAPPEARED')"
                 " ORDER BY f.asset_id, f.port)");
}

static void a_back_end_beside_its_front_is_a_finding(void **state)
{
    static const struct seen both[] = {
        {"10.0.0.5", 443, FRONT}, {"10.0.0.5", 8080, BACK}, {"10.0.0.6", 8081, BACK}, {NULL, 0, NULL}};
    static const struct seen another_page[] = {
        {"10.0.0.5", 443, FRONT}, {"10.0.0.5", 8080, "\"service\":\"http\",\"http.status\":404"}, {NULL, 0, NULL}};
    struct fixture *fixture = *state;

    audit(fixture, NULL, both);
    assert_string_equal(bypasses(fixture), "10.0.0.5:8080 high 10.0.0.6:8081 high");
    assert_string_equal(fixture_text(fixture, "SELECT title FROM finding WHERE kind = 'proxy-bypass' AND port = 8081"),
                        "HTTP in clear on 8081/tcp answers around its proxy: HTTPS on 443/tcp of 10.0.0.5 serves the "
                        "same page");
    assert_string_equal(fixture_text(fixture, "SELECT json_extract(e.evidence, '$.same_page') FROM finding_event e JOIN"
                                              " finding f ON f.id = e.finding_id WHERE f.kind = 'proxy-bypass' AND"
                                              " f.port = 8081 AND e.what = 'presence'"),
                        "{\"address\":\"10.0.0.5\",\"service\":\"HTTPS on 443/tcp\",\"sign\":\"tls\"}");
    audit(fixture, NULL, another_page);
    assert_string_equal(bypasses(fixture), "10.0.0.6:8081 high");
}

static void what_is_one_server_is_none(void **state)
{
    static const struct {
        const char *policy;
        struct seen seen[5];
        const char *found;
    } cases[] = {
        /* 80 beside 443 of two hosts that a name leads to in turns: two servers, no proxy. */
        {NULL,
         {{"10.0.0.5", 80, BACK},
          {"10.0.0.5", 443, FRONT},
          {"10.0.0.6", 80, BACK},
          {"10.0.0.6", 443, FRONT},
          {NULL, 0, NULL}},
         ""},
        /* Replicas behind a balancer that nobody may reach but through it, but one can be. */
        {"version: 1\nallow:\n- {id: r, to: any, ports: 443, from: any, why: w}\n",
         {{"10.0.0.5", 443, FRONT}, {"10.0.0.6", 8080, BACK}, {"10.0.0.7", 8080, BACK}, {NULL, 0, NULL}},
         "10.0.0.6:8080 high 10.0.0.7:8080 high"},
        /* Replicas without one. */
        {NULL, {{"10.0.0.6", 8080, BACK}, {"10.0.0.7", 8080, BACK}, {NULL, 0, NULL}}, ""},
        /* The policy says that both are meant to be reached. */
        {"version: 1\nallow:\n- {id: r, to: any, ports: '443,8080', from: any, why: w}\n",
         {{"10.0.0.5", 443, FRONT}, {"10.0.0.5", 8080, BACK}, {NULL, 0, NULL}},
         ""},
        /* One program in clear and by TLS: no proxy can be seen, but the policy needs only one of the two. */
        {NULL,
         {{"10.0.0.5", 8443, FRONT},
          {"10.0.0.5", 8080, "\"service\":\"http\",\"http.server\":\"nginx\"," PAGE},
          {NULL, 0, NULL}},
         ""},
        {"version: 1\nallow:\n- {id: r, to: any, ports: 8443, from: any, why: w}\n",
         {{"10.0.0.5", 8443, FRONT},
          {"10.0.0.5", 8080, "\"service\":\"http\",\"http.server\":\"nginx\"," PAGE},
          {NULL, 0, NULL}},
         "10.0.0.5:8080 high"},
        /* A proxy that names itself, in clear. */
        {NULL,
         {{"10.0.0.5", 80, "\"service\":\"http\",\"http.via\":\"1.1 varnish\"," PAGE},
          {"10.0.0.5", 8080, BACK},
          {NULL, 0, NULL}},
         "10.0.0.5:8080 high"},
        /* Pages without a digest have nothing in common. */
        {NULL,
         {{"10.0.0.5", 443, "\"service\":\"http\",\"tls\":true"},
          {"10.0.0.5", 8080, "\"service\":\"http\""},
          {NULL, 0, NULL}},
         ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *found;
        fixture_setup(state);
        audit(*state, cases[i].policy, cases[i].seen);
        found = bypasses(*state);
        if (strcmp(found, cases[i].found) != 0) {
            fail_msg("case %zu: '%s' instead of '%s'", i, found, cases[i].found);
        }
        fixture_teardown(state);
    }
}

static void another_realm_is_another_world(void **state)
{
    static const struct seen front[] = {{"10.0.0.5", 443, FRONT}, {NULL, 0, NULL}};
    static const struct seen back[] = {{"10.0.0.6", 8080, BACK}, {NULL, 0, NULL}};

    audit_realm(*state, "site", NULL, front);
    audit_realm(*state, "elsewhere", NULL, back);
    assert_string_equal(bypasses(*state), "");
    audit_realm(*state, "site", NULL, back);
    assert_string_equal(bypasses(*state), "10.0.0.6:8080 high");
}

/* What a distribution ships, or an appliance: with the seventeenth host nobody is anybody's back end. */
static void a_page_that_many_hosts_show_is_nobodys_own(void **state)
{
    enum { HOSTS = 17 };
    char hosts[HOSTS][16];
    struct seen seen[HOSTS + 1] = {{NULL, 0, NULL}};

    for (int i = 0; i < HOSTS; i++) {
        snprintf(hosts[i], sizeof(hosts[i]), "10.0.0.%d", i + 10);
        seen[i] = (struct seen){hosts[i], i == 0 ? 443 : 8080, i == 0 ? FRONT : BACK};
    }
    seen[HOSTS - 1].host = NULL;
    audit(*state, NULL, seen);
    assert_int_equal(fixture_int(*state, "SELECT count(*) FROM finding WHERE kind = 'proxy-bypass'"), HOSTS - 2);
    seen[HOSTS - 1].host = hosts[HOSTS - 1];
    audit(*state, NULL, seen);
    assert_string_equal(bypasses(*state), "");
}

/* Another policy does not bring back what the finding of a host of which every port accepts stands for. */
static void another_policy_leaves_every_port_one_finding(void **state)
{
    static const struct seen seen[] = {{"10.0.0.5", 1, "\"behaviour\":\"every-port\""},
                                       {"10.0.0.5", 2, NULL},
                                       {"10.0.0.5", 7000, NULL},
                                       {NULL, 0, NULL}};
    struct fixture *fixture = *state;
    struct policy *policy = load("version: 1\nforbid:\n- {id: r, to: any, ports: 7000}\n");
    const struct store_policy stored = {policy_hash(policy), policy_name(policy), policy_source(policy), 1};
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result;

    audit(fixture, NULL, seen);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(port || kind) FROM finding"), "0every-port");
    options.policy = policy;
    options.now_ms = fixture->now_ms + 10;
    assert_int_equal(store_policy_put(fixture->store, &stored, fixture->now_ms, &options.policy_id), 0);
    assert_int_equal(rejudge_run(fixture->store, &options, &result), 0);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(port || kind || presence) FROM finding"),
                        "0every-portNEW");
    policy_destroy(policy);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_decide_by_what_is_stored),
        WITH_STORE(the_fact_that_decided_is_named),
        WITH_STORE(a_condition_is_asked_again_at_each_scan),
        WITH_STORE(a_back_end_beside_its_front_is_a_finding),
        cmocka_unit_test(what_is_one_server_is_none),
        WITH_STORE(another_realm_is_another_world),
        WITH_STORE(a_page_that_many_hosts_show_is_nobodys_own),
        WITH_STORE(another_policy_leaves_every_port_one_finding),
    };
    return cmocka_run_group_tests_name("settle_facts", tests, NULL, NULL);
}
